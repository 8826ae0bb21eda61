import type { Language } from '../api/types'

const KEY = 'nano.language'

/** The first language of a list of tags that the site speaks, else German. */
export function negotiate(tags: readonly string[]): Language {
  for (const tag of tags) {
    const primary = tag.toLowerCase().split('-')[0]
    if (primary === 'de' || primary === 'en') return primary
  }
  return 'de'
}

let current: Language | undefined

/** The person's choice, else what the browser prefers. */
export function language(): Language {
  current ??= negotiate([localStorage.getItem(KEY) ?? '', ...navigator.languages])
  return current
}

export function rememberLanguage(language: Language) {
  current = language
  localStorage.setItem(KEY, language)
}
