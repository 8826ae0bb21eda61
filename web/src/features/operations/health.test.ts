import { expect, it } from 'vitest'
import type { Group, Queue, Queues, Worker } from './api'
import { health } from './health'

const NOW = Date.parse('2026-11-30T12:00:00Z')
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString()
const pause = { name: 'mail', reason: 'the server moves', since: ago(600) }

const queue = (name: string, changed: Partial<Queue> = {}): Queue => ({
  name,
  counts: {},
  in_flight: 0,
  completed_per_minute: 0,
  ended: {},
  oldest_is_a_guess: false,
  run: {},
  wait: {},
  ...changed,
})
const late = (name: string, count: number, seconds: number, changed: Partial<Queue> = {}) =>
  queue(name, {
    counts: { available: { count, capped: false } },
    oldest_available_at: ago(seconds),
    ...changed,
  })
const all = (...queues: Queue[]): Queues => ({ queues, limits: [], paused_kinds: [], window_minutes: 60 })
const worker = (...queues: string[]): Worker => ({
  id: '1',
  name: 'vm:1',
  queues,
  in_flight: 0,
  running: [],
  seen_at: ago(1),
  started_at: ago(100),
  slots: 2,
  state: 'alive',
  version: '0.1.0',
})
const group = (open: number) => ({ open: { count: open, capped: false } }) as Group
const fleet = [worker('uploads', 'mail', 'media')]

it('all is well', () => {
  const verdict = health(all(late('uploads', 3, 5), queue('mail')), fleet, [group(0)], NOW)
  expect([verdict.tone, verdict.kind, verdict.waiting]).toEqual(['good', 'fine', 3])
})

it('a queue is behind, and how long it takes at its pace', () => {
  const queues = all(late('uploads', 312, 248, { completed_per_minute: 52 }), late('mail', 4, 2))
  const verdict = health(queues, fleet, [], NOW)
  expect(verdict).toMatchObject({ tone: 'warn', kind: 'behind', waiting: 312, perMinute: 52, minutes: 6 })
  expect(verdict.queues.map(({ name }) => name)).toEqual(['uploads'])
})

it('the one that is furthest behind comes first, and without a pace there is no end', () => {
  const verdict = health(all(late('mail', 4, 90), late('uploads', 3, 900)), fleet, [], NOW)
  expect(verdict.queues.map(({ name }) => name)).toEqual(['uploads', 'mail'])
  expect(verdict.minutes).toBeUndefined()
})

it('a paused queue is late on purpose, and said to be paused', () => {
  const verdict = health(all(late('mail', 88, 720, { paused: pause })), fleet, [], NOW)
  expect(verdict).toMatchObject({ tone: 'warn', kind: 'queues-paused', waiting: 88 })
})

it('what nobody serves is worse than what is late', () => {
  const verdict = health(all(late('heavy', 1, 5), late('uploads', 3, 900)), fleet, [], NOW)
  expect([verdict.tone, verdict.kind, verdict.queues[0]?.name]).toEqual(['bad', 'unserved', 'heavy'])
})

it('without workers, or while everything is paused, nothing else matters', () => {
  const queues = all(late('uploads', 3, 900))
  expect(health(queues, [], [], NOW).kind).toBe('no-workers')
  expect(health(queues, [{ ...worker('uploads'), seen_at: ago(60) }], [], NOW).kind).toBe('no-workers')
  expect(health(queues, [{ ...worker('uploads'), state: 'dead' }], [], NOW).kind).toBe('no-workers')
  expect(health({ ...queues, paused: pause }, fleet, [], NOW).kind).toBe('paused')
})

it('what was given up is open until somebody looks after it', () => {
  const verdict = health(all(queue('mail')), fleet, [group(4), group(0), group(3)], NOW)
  expect(verdict).toMatchObject({ tone: 'warn', kind: 'given-up', open: 7, causes: 2 })
})
