import { extendTexts } from '../../i18n/setup'
import { de } from './de'
import { en } from './en'

/** The studio's texts beside the site's. */
export const useTexts = extendTexts({ de, en })
