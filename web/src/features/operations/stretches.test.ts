import { expect, it } from 'vitest'
import type { Attempt, Job } from './api'
import { frame, lane } from './stretches'

const BASE = Date.parse('2026-11-30T12:00:00Z')
const iso = (ms: number) => new Date(BASE + ms).toISOString()
const job = (changed: Partial<Job>): Job => ({
  id: '1',
  kind: 'make_thumbnails',
  queue: 'media',
  state: 'completed',
  created_at: iso(0),
  run_at: iso(0),
  runs: 1,
  failures: 0,
  crashes: 0,
  lost: 0,
  max_failures: 8,
  priority: 2,
  ...changed,
})
const attempt = (run: number, from: number, to: number, outcome: string | null): Attempt => ({
  run,
  started_at: iso(from),
  finished_at: iso(to),
  outcome,
  logs: [],
})
const short = (stretches: ReturnType<typeof lane>) =>
  stretches.map(({ from, to, what }) => `${what} ${from - BASE}-${to - BASE}`)

it('a plain success waited and ran', () => {
  const done = job({ started_at: iso(40), wait_ms: 40, run_ms: 2300, finished_at: iso(2340) })
  expect(short(lane(done, BASE + 9000))).toEqual(['wait 0-40', 'done 40-2340'])
})

it('what was put off to a time did not wait before it', () => {
  const put = job({ started_at: iso(60_000), wait_ms: 10, run_ms: 5, finished_at: iso(60_005) })
  expect(short(lane(put, BASE))).toEqual(['wait 59990-60000', 'done 60000-60005'])
})

it('runs that failed, with the waits between them', () => {
  const set = job({
    state: 'quarantined',
    runs: 2,
    started_at: iso(900),
    run_ms: 100,
    finished_at: iso(1000),
  })
  const attempts = [attempt(1, 100, 500, 'crashed'), attempt(2, 900, 1000, 'crashed')]
  expect(short(lane(set, BASE + 9000, attempts))).toEqual([
    'wait 0-100',
    'failed 100-500',
    'wait 500-900',
    'failed 900-1000',
  ])
})

it('a run under way goes on until now, and what waits for its next one waits until now', () => {
  expect(short(lane(job({ state: 'running', started_at: iso(50) }), BASE + 800))).toEqual([
    'wait 0-50',
    'running 50-800',
  ])
  const later = job({ state: 'retryable', started_at: iso(50), run_ms: 50 })
  expect(short(lane(later, BASE + 800, [attempt(1, 50, 100, 'retry')]))).toEqual([
    'wait 0-50',
    'failed 50-100',
    'wait 100-800',
  ])
  expect(short(lane(job({ state: 'waiting', runs: 0 }), BASE + 800))).toEqual(['wait 0-800'])
})

it('what was cancelled before it ran waited until then', () => {
  expect(short(lane(job({ state: 'cancelled', runs: 0, finished_at: iso(70) }), BASE + 800))).toEqual([
    'wait 0-70',
  ])
})

it('lanes share one frame, which is never empty', () => {
  const one = lane(job({ started_at: iso(40), run_ms: 60 }), BASE)
  const other = lane(job({ started_at: iso(400), run_ms: 100 }), BASE)
  expect(frame([one, other])).toEqual({ from: BASE, to: BASE + 500 })
  expect(frame([])).toEqual({ from: 0, to: 1 })
})
