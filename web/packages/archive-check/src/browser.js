/** The page's side: a worker for each check, which ends with it. */

import { scriptsAllowed } from './format.js'
import { CheckFailed } from './report.js'

export { CheckFailed, explain } from './report.js'

/** @type {typeof import('../types/index').checkArchive} */
export async function checkArchive(file, { format = 'mixed', signal, onDirectory, onProgress } = {}) {
  return await inWorker({ file, scripts: scriptsAllowed(format), content: true }, signal, (answer, done) => {
    if (answer.directory) onDirectory?.(answer.directory)
    if (answer.progress) onProgress?.(...answer.progress)
    if (answer.report) done(answer.report)
  })
}

/** @type {typeof import('../types/index').checkDirectory} */
export async function checkDirectory(file, { format = 'mixed', signal } = {}) {
  return await inWorker({ file, scripts: scriptsAllowed(format), content: false }, signal, (answer, done) => {
    if (answer.directory) done(answer.directory)
  })
}

/**
 * @typedef {object} Answer
 * @property {import('../types/report').DirectoryVerdict} [directory]
 * @property {[number, number]} [progress]
 * @property {import('../types/report').Report} [report]
 * @property {{ name: string, message: string }} [failed]
 */

/**
 * @template T
 * @param {import('./worker.js').Order} order
 * @param {AbortSignal | undefined} signal
 * @param {(answer: Answer, done: (result: T) => void) => void} hear
 * @returns {Promise<T>}
 */
function inWorker(order, signal, hear) {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
    // The check reads without a pause, so it hears no message: whoever stops it ends its worker.
    const stop = () => end(() => reject(signal?.reason))
    /** @param {() => void} settle */
    const end = (settle) => {
      worker.terminate()
      signal?.removeEventListener('abort', stop)
      settle()
    }
    /** @param {string} message @param {unknown} cause */
    const fail = (message, cause) => end(() => reject(new CheckFailed(message, { cause })))
    signal?.addEventListener('abort', stop)
    worker.onmessage = (/** @type {MessageEvent<Answer>} */ { data }) => {
      if (data.failed) fail(data.failed.message, data.failed)
      else hear(data, (result) => end(() => resolve(result)))
    }
    worker.onerror = (event) => fail(event.message || 'the worker of the check did not start', event)
    worker.onmessageerror = (event) => fail('the answer of the check cannot be read', event)
    worker.postMessage(order)
  })
}
