import { expect, it } from 'vitest'
import { fullness } from './fullness'

it('fills stars from the left, the last one in part', () => {
  const stars = (score: number) => [1, 2, 3, 4, 5].map((place) => Number(fullness(score, place).toFixed(2)))
  expect(stars(0)).toEqual([0, 0, 0, 0, 0])
  expect(stars(3.67)).toEqual([1, 1, 1, 0.67, 0])
  expect(stars(5)).toEqual([1, 1, 1, 1, 1])
})
