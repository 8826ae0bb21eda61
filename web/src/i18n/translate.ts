import type { Language } from '../api/types'

/** A tree of texts; lists of texts are read with `list`. */
export interface Texts {
  [key: string]: string | readonly string[] | Texts
}

type Plural = 'zero' | 'one' | 'two' | 'few' | 'many' | 'other'
type Singular<K extends string> = K extends `${infer Base}_${Plural}` ? Base : K

/** Paths to the texts of a tree, without the endings that tell how many. */
export type Key<T> = {
  [K in keyof T & string]: T[K] extends string
    ? Singular<K>
    : T[K] extends readonly string[]
      ? never
      : `${K}.${Key<T[K]>}`
}[keyof T & string]

/** Paths to the lists of a tree. */
export type ListKey<T> = {
  [K in keyof T & string]: T[K] extends string
    ? never
    : T[K] extends readonly string[]
      ? K
      : `${K}.${ListKey<T[K]>}`
}[keyof T & string]

export type Values = Record<string, string | number | null | undefined>

/** What stands at a path, `a.b.c`. */
export function at(tree: Texts | undefined, path: string): string | readonly string[] | undefined {
  let found: string | readonly string[] | Texts | undefined = tree
  for (const step of path.split('.')) {
    if (found === undefined || typeof found === 'string' || Array.isArray(found)) return undefined
    found = (found as Texts)[step]
  }
  return typeof found === 'string' || Array.isArray(found) ? (found as string | readonly string[]) : undefined
}

const rules: Partial<Record<Language, Intl.PluralRules>> = {}

/** `key_zero` for nothing, where there is such a text, else what the language says of the number, else plain `key`. */
function endings(count: unknown, language: Language): string[] {
  if (typeof count !== 'number') return ['']
  const rule = (rules[language] ??= new Intl.PluralRules(language))
  return [...(count === 0 ? ['_zero'] : []), `_${rule.select(count)}`, '_other', '']
}

/** `{{name}}` in a text, and `{{name, number}}` for digits as the language groups them. */
function fill(text: string, values: Values, language: Language): string {
  return text.replace(/\{\{(\w+)(, number)?\}\}/g, (_, name: string, number?: string) => {
    const value = values[name]
    if (number && typeof value === 'number') return new Intl.NumberFormat(language).format(value)
    return String(value ?? '')
  })
}

/** A text of the first tree that has it, with the values in it; the key itself where none has. */
export function translate(
  trees: readonly (Texts | undefined)[],
  key: string,
  values: Values,
  language: Language,
) {
  for (const tree of trees) {
    for (const ending of endings(values.count, language)) {
      const text = at(tree, key + ending)
      if (typeof text === 'string') return fill(text, values, language)
    }
  }
  return key
}
