import { addTexts, useTranslation } from '../../i18n/setup'
import { entry as de } from './entry-de'
import { entry as en } from './entry-en'

addTexts('entry', { de, en })

/** The texts of the pages that lead into an account first, then the site's; its settings have more, see `texts`. */
export const useEntryTexts = () => useTranslation(['entry', 'translation'])
