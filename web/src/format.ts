import type { Language } from './api/types'

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

/** `1,4 MB`: decimal units, as file managers and browsers show them. */
export function bytes(count: number, language: Language): string {
  let unit = 0
  let value = count
  // 999,950 bytes would round to 1000 KB.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  const text = new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)
  return `${text}\u{a0}${UNITS[unit]}`
}

/** `40 ms`, `2,3 s`, `1 min 5 s`, `2 h 5 min`: two figures at most. */
export function span(ms: number, language: Language): string {
  const number = (value: number, digits = 0) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)
  if (ms < 999.5) return `${number(Math.max(0, ms))}\u{a0}ms`
  if (ms < 9_950) return `${number(ms / 1000, 1)}\u{a0}s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}\u{a0}s`
  const [large, small, units] =
    seconds < 3600
      ? [Math.floor(seconds / 60), seconds % 60, ['min', 's']]
      : [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), ['h', 'min']]
  return small === 0 ? `${large}\u{a0}${units[0]}` : `${large}\u{a0}${units[0]} ${small}\u{a0}${units[1]}`
}

export function date(time: string, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(new Date(time))
}

export function dateTime(time: string, language: Language): string {
  const style = { dateStyle: 'medium', timeStyle: 'short' } as const
  return new Intl.DateTimeFormat(language, style).format(new Date(time))
}

export function count(value: number, language: Language): string {
  return new Intl.NumberFormat(language).format(value)
}

/** A language's name in the reader's language: `Englisch`. */
export function languageName(tag: Language, language: Language): string {
  return new Intl.DisplayNames(language, { type: 'language' }).of(tag) ?? tag
}
