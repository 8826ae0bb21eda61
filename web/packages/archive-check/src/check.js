/** One check, from the first byte asked for to the report, where bytes can be read at once: in a worker, in Node.js. */

import { Check } from '../wasm/archive_check.js'

/**
 * @param {import('../wasm/archive_check.js').Source} source
 * @param {boolean} scripts
 * @returns {{ verdict: import('../types/report').DirectoryVerdict, content(): import('../types/report').Report, free(): void }}
 */
export function begin(source, scripts) {
  const check = new Check(source, scripts)
  /** @type {import('../types/report').Report} */
  const report = JSON.parse(check.report())
  const rejected = report.findings.some((finding) => finding.severity === 'reject')
  return {
    verdict: { rejected, readable: check.readable, entries: check.entries, report },
    content: () => JSON.parse(check.content()),
    free: () => check.free(),
  }
}
