/** What pages and Node.js share of the package besides the check itself. */

/** @type {typeof import('../types/report').explain} */
export const explain = (finding, language) =>
  language === 'de'
    ? { message: finding.message_de, hint: finding.hint_de }
    : { message: finding.message_en, hint: finding.hint_en }

export class CheckFailed extends Error {
  name = /** @type {const} */ ('CheckFailed')
}
