import { useTranslation } from 'react-i18next'
import { addTexts } from '../../i18n/setup'
import { de } from './de'
import { en } from './en'

addTexts('ratings', { de, en })

/** The texts of ratings first, then the site's: `translation:common.cancel`. */
export const useTexts = () => useTranslation(['ratings', 'translation'])
