import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { inside, keepNext, keptNext, onTheWay } from './next'

const kept = new Map<string, string>()

beforeEach(() => {
  kept.clear()
  vi.useFakeTimers()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  })
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const ELSEWHERE = ['', 'studio', '//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:x']

it('leads to places on this site only', () => {
  expect(inside('/studio?page=2')).toBe('/studio?page=2')
  for (const bad of [null, ...ELSEWHERE]) expect(inside(bad), String(bad)).toBe('/')
})

it('carries the place along in the address', () => {
  expect(onTheWay('/login', '/studio?page=2')).toBe('/login?next=%2Fstudio%3Fpage%3D2')
  for (const none of [null, '/', ...ELSEWHERE]) expect(onTheWay('/login', none), String(none)).toBe('/login')
})

it('keeps the place while a mail is on its way, for a day', () => {
  keepNext('/nanos/1')
  expect(keptNext()).toBe('/nanos/1')
  vi.advanceTimersByTime(24 * 60 * 60 * 1000 - 1)
  expect(keptNext()).toBe('/nanos/1')
  vi.advanceTimersByTime(1)
  expect(keptNext()).toBeNull()
})

it('forgets it once somebody has arrived, and keeps no other site', () => {
  for (const next of [null, '/', ...ELSEWHERE]) {
    keepNext('/nanos/1')
    keepNext(next)
    expect(keptNext(), String(next)).toBeNull()
  }
})

it('takes nothing that others have left there', () => {
  for (const bad of ['{', '7', 'null', '{"next":7,"until":9e15}', '{"next":"/a"}']) {
    kept.set('nano.next', bad)
    expect(keptNext(), bad).toBeNull()
  }
})
