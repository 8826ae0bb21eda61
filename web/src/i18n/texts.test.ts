import { expect, it } from 'vitest'
import { de as deAccount } from '../features/account/de'
import { en as enAccount } from '../features/account/en'
import { de as deChat } from '../features/chat/de'
import { en as enChat } from '../features/chat/en'
import { de as deCollections } from '../features/collections/de'
import { en as enCollections } from '../features/collections/en'
import { de as deModeration } from '../features/moderation/de'
import { en as enModeration } from '../features/moderation/en'
import { de as deOperations } from '../features/operations/de'
import { en as enOperations } from '../features/operations/en'
import { de as dePalette } from '../features/palette/de'
import { en as enPalette } from '../features/palette/en'
import { de as deRatings } from '../features/ratings/de'
import { en as enRatings } from '../features/ratings/en'
import { de as deStudio } from '../features/studio/de'
import { en as enStudio } from '../features/studio/en'
import { de as deUsers } from '../features/users/de'
import { en as enUsers } from '../features/users/en'
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
  const both = [
    [de, en],
    [deStudio, enStudio],
    [deModeration, enModeration],
    [deAccount, enAccount],
    [deChat, enChat],
    [deCollections, enCollections],
    [deOperations, enOperations],
    [dePalette, enPalette],
    [deRatings, enRatings],
    [deUsers, enUsers],
  ] as const
  for (const [german, english] of both) expect(texts(english)).toEqual(texts(german))
})

it('speaks German unless English comes first', () => {
  expect(negotiate(['fr', 'en-GB', 'de'])).toBe('en')
  expect(negotiate(['', 'de-AT', 'en'])).toBe('de')
  expect(negotiate(['fr'])).toBe('de')
})
