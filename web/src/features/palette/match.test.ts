import { expect, it } from 'vitest'
import { matching } from './match'

const ALL = ['Betrieb: Zeitpläne', 'Betrieb: Jobs', 'Studio', 'Sprache: English']
const find = (typed: string) => matching(ALL, typed, (one) => one)

it('finds by the beginnings of words, in any order, without accents', () => {
  expect(find('zeitplane')).toEqual(['Betrieb: Zeitpläne'])
  expect(find('jo be')).toEqual(['Betrieb: Jobs'])
  expect(find('s')).toEqual(['Studio', 'Sprache: English'])
  expect(find('trieb')).toEqual([])
  expect(find('  ')).toEqual(ALL)
})
