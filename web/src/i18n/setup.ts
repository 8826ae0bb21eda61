import { useMemo, useSyncExternalStore } from 'react'
import type { de as account } from '../features/account/de'
import type { entry } from '../features/account/entry-de'
import type { de as chat } from '../features/chat/de'
import type { de as collections } from '../features/collections/de'
import type { de as operations } from '../features/operations/de'
import type { de as palette } from '../features/palette/de'
import type { de as ratings } from '../features/ratings/de'
import type { de as users } from '../features/users/de'
import type { Language } from '../api/types'
import { de } from './de'
import { en } from './en'
import { language, rememberLanguage } from './language'
import { at, translate, type Key, type ListKey, type Texts, type Values } from './translate'

/** The site's own texts, and those that a feature keeps apart under its name. */
interface Namespaces {
  translation: typeof de
  account: typeof account
  chat: typeof chat
  collections: typeof collections
  entry: typeof entry
  operations: typeof operations
  palette: typeof palette
  ratings: typeof ratings
  users: typeof users
}

type Namespace = keyof Namespaces

const known: Record<Language, Partial<Record<string, Texts>>> = {
  de: { translation: de },
  en: { translation: en },
}

const listeners = new Set<() => void>()
const listen = (tell: () => void) => {
  listeners.add(tell)
  return () => listeners.delete(tell)
}

/** Texts of a feature under its name; they come with its pages. */
export function addTexts(namespace: string, texts: Record<Language, object>) {
  for (const language of ['de', 'en'] as const) known[language][namespace] = texts[language] as Texts
}

/** Texts of a feature beside the site's; they come with its pages. The hook that it makes knows both. */
export function extendTexts<T extends object>(texts: Record<Language, T>) {
  for (const language of ['de', 'en'] as const) {
    known[language].translation = { ...known[language].translation, ...(texts[language] as Texts) }
  }
  return () => useTranslation() as unknown as Translation<Key<typeof de & T>, ListKey<typeof de & T>>
}

interface Translation<K extends string, L extends string> {
  /** The text with this key in the reader's language, with values in it; `count` chooses between one and many. */
  t: (key: K, values?: Values) => string
  /** The texts of a list. */
  list: (key: L) => readonly string[]
}

/** Keys of the first namespace as they are, and of each by its name: `translation:common.cancel`. */
type Keys<N extends readonly Namespace[]> =
  Key<Namespaces[N[0]]> | { [I in N[number]]: `${I}:${Key<Namespaces[I]>}` }[N[number]]

/** Texts by their keys; what uses it follows a change of the language. */
export function useTranslation(): Translation<Key<typeof de>, ListKey<typeof de>>
export function useTranslation<const N extends readonly [Namespace, ...Namespace[]]>(
  namespaces: N,
): Translation<Keys<N>, never>
export function useTranslation(namespaces: readonly string[] = ['translation']): Translation<string, string> {
  const language = useLanguage()
  const names = namespaces.join(' ')
  return useMemo(() => {
    const place = (key: string): [Texts[], string] => {
      const colon = key.indexOf(':')
      const wanted = colon < 0 ? names.split(' ') : [key.slice(0, colon)]
      return [wanted.map((name) => known[language][name] ?? {}), key.slice(colon + 1)]
    }
    return {
      t: (key, values = {}) => translate(...place(key), values, language),
      list: (key) => {
        const [trees, path] = place(key)
        const found = at(trees[0], path)
        return typeof found === 'string' ? [found] : (found ?? [])
      },
    }
  }, [language, names])
}

export function setLanguage(language: Language) {
  rememberLanguage(language)
  document.documentElement.lang = language
  for (const tell of listeners) tell()
}

/** The language the page is in. */
export const useLanguage = (): Language => useSyncExternalStore(listen, language)
