import i18next from 'i18next'
import { useTranslation } from 'react-i18next'
import { initReactI18next } from 'react-i18next/initReactI18next'
import type { de as account } from '../features/account/de'
import type { de as collections } from '../features/collections/de'
import type { de as ratings } from '../features/ratings/de'
import type { de as users } from '../features/users/de'
import type { Language } from '../api/types'
import { de } from './de'
import { en } from './en'
import { language, rememberLanguage } from './language'

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: {
      translation: typeof de
      account: typeof account
      collections: typeof collections
      ratings: typeof ratings
      users: typeof users
    }
  }
}

void i18next.use(initReactI18next).init({
  lng: language(),
  fallbackLng: 'de',
  resources: { de: { translation: de }, en: { translation: en } },
  // React escapes.
  interpolation: { escapeValue: false },
})
document.documentElement.lang = i18next.language

/** Texts of a feature; they come with its pages. */
export function addTexts(namespace: string, texts: Record<Language, object>) {
  for (const [language, tree] of Object.entries(texts)) i18next.addResourceBundle(language, namespace, tree)
}

export function setLanguage(language: Language) {
  rememberLanguage(language)
  document.documentElement.lang = language
  void i18next.changeLanguage(language)
}

/** The language the page is in. */
export function useLanguage(): Language {
  return useTranslation().i18n.language === 'en' ? 'en' : 'de'
}
