import { expect, it } from 'vitest'
import { perMinute, sumOf } from './stats'

const stats = {
  since: '2026-11-30T12:00:00Z',
  until: '2026-11-30T12:04:20Z',
  step: 'minute' as const,
  series: [
    {
      name: 'completed',
      total: 9,
      points: [
        { at: '2026-11-30T12:00:00Z', runs: 4 },
        { at: '2026-11-30T12:02:00Z', runs: 3 },
        { at: '2026-11-30T12:04:00Z', runs: 2 },
      ],
    },
    { name: 'retry', total: 1, points: [{ at: '2026-11-30T12:02:00Z', runs: 1 }] },
  ],
}

it('minutes without runs count as none, and the one that has only begun is left out', () => {
  expect(perMinute(stats, ['completed'])).toEqual([4, 0, 3, 0])
  expect(perMinute(stats)).toEqual([4, 0, 4, 0])
})

it('sums are those of the series', () => {
  expect([sumOf(stats), sumOf(stats, ['retry', 'discarded'])]).toEqual([10, 1])
})
