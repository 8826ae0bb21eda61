import { LANGUAGES, LEVELS } from './choices'
import type { CatalogueFilter } from './nanos'

/** As much of it as the API searches for. */
const WORDS_MAX = 200
/** Minutes that somebody has, as they are offered. */
export const TIMES = [5, 10, 15, 30] as const
/** The API counts no further. */
const LAST_PAGE = 400

/** Which part of the catalogue an address asks for; what it cannot mean counts as absent. */
export function readFilter(params: URLSearchParams): CatalogueFilter {
  const text = (name: string) => params.get(name)?.trim() ?? ''
  const oneOf = (values: readonly string[], value: string) => (values.includes(value) ? value : '')
  const page = Math.floor(Number(params.get('page')))
  return {
    q: text('q').slice(0, WORDS_MAX),
    category: /^[a-z0-9-]{1,100}$/.test(text('category')) ? text('category') : '',
    level: oneOf(
      LEVELS.map((_, place) => String(place + 1)),
      text('level'),
    ),
    language: oneOf(LANGUAGES, text('language')),
    minutes: oneOf(TIMES.map(String), text('minutes')),
    page: page >= 1 ? Math.min(page, LAST_PAGE) : 1,
  }
}

/** Signs alone name nothing: the search would leave them out, and find everything. */
export const names = (words: string) => /[\p{L}\p{N}]/u.test(words)

/** The other way round, without what says nothing. */
export function address({ page, ...words }: CatalogueFilter): string {
  const told = Object.entries({ ...words, page: page > 1 ? String(page) : '' }).filter(([, value]) => value)
  return told.length > 0 ? `/?${new URLSearchParams(told).toString()}` : '/'
}
