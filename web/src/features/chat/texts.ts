import { addTexts, useTranslation } from '../../i18n/setup'
import { de } from './de'
import { en } from './en'

addTexts('chat', { de, en })

/** The texts of chats first, then the site's: `translation:common.cancel`. */
export const useTexts = () => useTranslation(['chat', 'translation'])
