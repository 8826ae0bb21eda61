import { expect, it } from 'vitest'
import { de } from './de'
import { en } from './en'
import { negotiate } from './language'

/** Every text by its path, with the names it leaves room for. */
function texts(tree: object, path = ''): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string'
        ? [
            [
              path + key,
              [...value.matchAll(/\{\{(\w+)(?:, number)?\}\}/g)].map((match) => match[1] ?? '').sort(),
            ],
          ]
        : Object.entries(texts(value as object, `${path}${key}.`)),
    ),
  )
}

it('both languages have the same texts with the same room for values', () => {
  expect(texts(en)).toEqual(texts(de))
})

it('speaks German unless English comes first', () => {
  expect(negotiate(['fr', 'en-GB', 'de'])).toBe('en')
  expect(negotiate(['', 'de-AT', 'en'])).toBe('de')
  expect(negotiate(['fr'])).toBe('de')
})
