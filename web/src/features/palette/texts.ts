import { addTexts, useTranslation } from '../../i18n/setup'
import { de } from './de'
import { en } from './en'

addTexts('palette', { de, en })

/** The texts of the command palette first, then the site's: `translation:nav.studio`. */
export const useTexts = () => useTranslation(['palette', 'translation'])
