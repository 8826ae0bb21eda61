import { expect, it } from 'vitest'
import { jobsAt, narrowed, NOTHING, readFilter, sound, writeFilter } from './filter'

const read = (query: string) => readFilter(new URLSearchParams(query))
const ID = '01930000-0000-7000-8000-000000000001'

it('a filter survives its address', () => {
  const filter = {
    ...NOTHING,
    state: ['running' as const, 'discarded' as const],
    kind: 'send_email',
    reference: `nano:${ID}`,
    since: '2026-11-22T00:00:00.000Z',
  }
  expect(read(writeFilter(filter))).toEqual(filter)
  expect(jobsAt(filter)).toContain('state=running,discarded&kind=send_email')
})

it('states are read from one parameter or several, each once and in their order', () => {
  expect(read('state=discarded,running&state=running').state).toEqual(['running', 'discarded'])
})

it('what means nothing counts as absent', () => {
  const query =
    'state=exploded&kind=NO%20KIND&tenant=me&reference=car:7&fingerprint=xyz&since=yesterday&page=7'
  expect(read(query)).toEqual(NOTHING)
  expect(narrowed(read(query))).toBe(false)
  expect(sound('since', '2026-99-99T00:00')).toBe(false)
})

it('an empty filter is the plain address', () => {
  expect(jobsAt({})).toBe('/operations/jobs')
  expect(jobsAt(NOTHING)).toBe('/operations/jobs')
})
