/** What depends on the format of the nano. */

/** Whether scripts may be inside: docs/archive-rules.md, rule 13. */
const SCRIPTS_ALLOWED = { video: false, text: false, quiz: true, interactive: true, mixed: false }

/**
 * @param {string} format
 * @returns {boolean}
 */
export function scriptsAllowed(format) {
  if (!Object.hasOwn(SCRIPTS_ALLOWED, format)) throw new TypeError(`unknown format: ${format}`)
  return SCRIPTS_ALLOWED[/** @type {import('../types/report').Format} */ (format)]
}
