import { useTranslation } from 'react-i18next'
import { addTexts } from '../../i18n/setup'
import { de } from './de'
import { en } from './en'

addTexts('collections', { de, en })

/** The texts of favourites and lists first, then the site's: `translation:common.cancel`. */
export const useTexts = () => useTranslation(['collections', 'translation'])
