import { expect, it } from 'vitest'
import type { ServerEvent } from '../live/sse'
import { placeOf, remember, type OwnEvent } from './events'

const event = (nano_id: string, seq: number): OwnEvent => ({
  nano_id,
  seq,
  kind: 'validated',
  data: {},
  created_at: '2026-11-30T12:00:00.000Z',
})
/** As the stream tells it: the id is the time. */
const told = (nano_id: string, seq: number): ServerEvent => ({
  type: 'validated',
  data: JSON.stringify(event(nano_id, seq)),
  id: '1796040000000000',
})

it('tells events of the same time apart by their nano and number', () => {
  const places = [told('a', 1), told('a', 2), told('b', 1), told('b', 12)].map(placeOf)
  expect(new Set(places).size).toBe(4)
  expect(placeOf(told('a', 2))).toBe(places[1])
})

it('remembers the events of each nano in their order and once', () => {
  const first = remember({}, [event('b', 4), event('a', 2), event('a', 1)])
  expect(Object.keys(first).sort()).toEqual(['a', 'b'])
  expect(first.a?.map(({ seq }) => seq)).toEqual([1, 2])
  const then = remember(first, [event('a', 2), event('a', 3)])
  expect(then.a?.map(({ seq }) => seq)).toEqual([1, 2, 3])
  // What nothing was told of is the same as before, so that its page is not drawn again.
  expect(then.b).toBe(first.b)
  expect(first.a).toHaveLength(2)
})
