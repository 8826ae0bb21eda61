import { expect, it } from 'vitest'
import { Rate } from './rate'

it('tells the rest from the speed so far, once there is one', () => {
  const rate = new Rate()
  expect(rate.remaining(0, 1000, 0)).toBeUndefined()
  expect(rate.remaining(100, 1000, 1000)).toBeUndefined()
  expect(rate.remaining(200, 1000, 2000)).toBe(8000)
})

it('forgets how slow the beginning was', () => {
  const rate = new Rate()
  let rest: number | undefined
  // A minute of 1 byte a second, then 100 bytes a second.
  for (let second = 0; second < 60; second += 1) rate.remaining(second, 10_000, second * 1000)
  for (let second = 60; second <= 70; second += 1) {
    rest = rate.remaining(60 + (second - 60) * 100, 10_000, second * 1000)
  }
  expect(rest).toBe(89_400)
})

it('tells nothing while nothing moves', () => {
  const rate = new Rate()
  rate.remaining(50, 100, 0)
  expect(rate.remaining(50, 100, 5000)).toBeUndefined()
})
