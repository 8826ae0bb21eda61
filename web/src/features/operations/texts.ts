import { addTexts, useTranslation } from '../../i18n/setup'
import { de } from './de'
import { en } from './en'

addTexts('operations', { de, en })

/** The texts of the operations pages first, then the site's: `translation:common.cancel`. */
export const useTexts = () => useTranslation(['operations', 'translation'])
