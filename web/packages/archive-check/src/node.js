/** For scripts: a file is read by its descriptor, at once, on the thread that asks. */

import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { initSync } from '../wasm/archive_check.js'
import { begin } from './check.js'
import { scriptsAllowed } from './format.js'
import { CheckFailed } from './report.js'

export { CheckFailed, explain } from './report.js'

let started = false

/** @type {typeof import('../types/node').checkArchive} */
export const checkArchive = (source, { format = 'mixed', onDirectory, onProgress } = {}) =>
  using(source, (bytes) => {
    const check = begin(
      { ...bytes, progress: (done, total) => onProgress?.(done, total) !== false },
      scriptsAllowed(format),
    )
    onDirectory?.(check.verdict)
    return check.content()
  })

/** @type {typeof import('../types/node').checkDirectory} */
export const checkDirectory = (source, { format = 'mixed' } = {}) =>
  using(source, (bytes) => {
    const check = begin({ ...bytes, progress: () => true }, scriptsAllowed(format))
    check.free()
    return check.verdict
  })

/**
 * @template T
 * @param {import('../types/node').Source} source
 * @param {(bytes: { size: number, read(offset: number, target: Uint8Array): void }) => T} work
 * @returns {T}
 */
function using(source, work) {
  if (!started) {
    initSync({ module: readFileSync(new URL('../wasm/archive_check_bg.wasm', import.meta.url)) })
    started = true
  }
  const opened = typeof source === 'string' || source instanceof URL
  let descriptor = -1
  try {
    if (source instanceof Uint8Array) {
      const read = (/** @type {number} */ offset, /** @type {Uint8Array} */ target) =>
        target.set(source.subarray(offset, offset + target.length))
      return work({ size: source.length, read })
    }
    // Before it is opened: opening a pipe would wait for somebody who writes into it.
    const status = opened ? statSync(source) : fstatSync(source)
    if (!status.isFile()) throw new Error('this is a folder, a pipe or a device; name a ZIP file')
    descriptor = opened ? openSync(source, 'r') : source
    return work({ size: status.size, read: (offset, target) => fill(descriptor, offset, target) })
  } catch (error) {
    if (error instanceof TypeError) throw error
    throw new CheckFailed(error instanceof Error ? error.message : String(error), { cause: error })
  } finally {
    if (opened && descriptor >= 0) closeSync(descriptor)
  }
}

/**
 * @param {number} descriptor
 * @param {number} offset
 * @param {Uint8Array} target
 */
function fill(descriptor, offset, target) {
  for (let done = 0; done < target.length;) {
    const count = readSync(descriptor, target, done, target.length - done, offset + done)
    if (count === 0) throw new Error('the file is shorter than it was')
    done += count
  }
}
