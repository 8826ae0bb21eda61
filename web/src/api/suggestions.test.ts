import { expect, test } from 'vitest'
import { suggestions } from './suggestions'
import type { Package } from './types'

const of = (rest: Partial<Package>) => suggestions({ kind: 'scorm_1_2', ...rest })

test('a manifest fills the fields that it speaks of', () => {
  expect(
    of({
      title: 'Brandschutz',
      description: 'Was zu tun ist, wenn es brennt.',
      objectives: ['Melden', 'Löschen'],
      language: 'de-AT',
      licence: 'https://creativecommons.org/licenses/by-sa/4.0/',
      duration_minutes: 25,
    }),
  ).toEqual({
    title: 'Brandschutz',
    description: 'Was zu tun ist, wenn es brennt.\n\n- Melden\n- Löschen',
    language: 'de',
    license: 'CC-BY-SA',
    duration_minutes: 25,
  })
})

test('what it does not say stays as it is', () => {
  expect(of({})).toEqual({})
  expect(of({ title: '', language: 'fr', licence: 'all rights reserved', duration_minutes: 0 })).toEqual({})
})

test('a licence is taken only when a nano may have the same', () => {
  const license = (licence: string) => of({ licence }).license
  expect(license('CC BY 4.0')).toBe('CC-BY')
  expect(license('CC-BY-SA-4.0')).toBe('CC-BY-SA')
  expect(license('CC0-1.0')).toBe('CC0')
  expect(license('https://creativecommons.org/publicdomain/zero/1.0/')).toBe('CC0')
  expect(license('CC BY-NC 4.0')).toBeUndefined()
  expect(license('CC BY-NC-SA')).toBeUndefined()
  expect(license('CC BY-ND')).toBeUndefined()
})

test('what is too long is cut to what a nano takes', () => {
  const told = of({ title: 'a'.repeat(300), description: 'b'.repeat(2000), duration_minutes: 9999 })
  expect([told.title?.length, told.description?.length, told.duration_minutes]).toEqual([255, 1000, 1440])
})
