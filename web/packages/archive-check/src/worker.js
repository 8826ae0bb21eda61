/** The worker that checks one file: FileReaderSync reads ranges of it at once, so the check needs no other thread. */

import init from '../wasm/archive_check.js'
import { ahead } from './ahead.js'
import { begin } from './check.js'

/** A page draws no more often than it is worth. */
const TELL_EVERY_MS = 50

/** @typedef {{ file: Blob, scripts: boolean, content: boolean }} Order */

addEventListener('message', (event) => {
  run(/** @type {MessageEvent<Order>} */ (event).data).catch((/** @type {unknown} */ error) => {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
    postMessage({ failed: { name, message } })
  })
})

/** @param {Order} order */
async function run({ file, scripts, content }) {
  await init({ module_or_path: new URL('../wasm/archive_check_bg.wasm', import.meta.url) })
  // Known to workers alone, so the page's types lack it.
  const { FileReaderSync } = /** @type {any} */ (globalThis)
  const reader = new FileReaderSync()
  let told = 0
  const check = begin(
    {
      size: file.size,
      read: ahead(file.size, (from, to) => reader.readAsArrayBuffer(file.slice(from, to))),
      progress(done, total) {
        const now = performance.now()
        if (now - told >= TELL_EVERY_MS || done === total) {
          told = now
          postMessage({ progress: [done, total] })
        }
        return true
      },
    },
    scripts,
  )
  postMessage({ directory: check.verdict })
  if (content) postMessage({ report: check.content() })
}
