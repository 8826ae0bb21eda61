import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { dropDraft, forgetDrafts, keepDraft, keptDraft, KEPT_MS } from './drafts'
import { answer, isDirty, leaveBy, markClean, markDirty, useLeaving } from './guard'

beforeEach(() => {
  const store: Record<string, unknown> = {}
  // As a browser's storage: what is kept are its own properties.
  const methods = {
    getItem: (key: string) => store[key] ?? null,
    setItem: (key: string, value: string) => (store[key] = value),
    removeItem: (key: string) => delete store[key],
  }
  const storage = new Proxy(store, { get: (_, key: string) => methods[key as 'getItem'] ?? store[key] })
  vi.stubGlobal('localStorage', storage)
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
})

afterEach(() => vi.unstubAllGlobals())

it('keeps what somebody has typed for them alone, for a month', () => {
  keepDraft('clara', 'new', { title: 'Knoten' }, 1_000)
  expect(keptDraft('clara', 'new', 2_000)).toEqual({ values: { title: 'Knoten' }, at: 1_000 })
  expect(keptDraft('mona', 'new', 2_000)).toBeUndefined()
  expect(keptDraft('clara', 'edit', 2_000)).toBeUndefined()
  expect(keptDraft('clara', 'new', 1_000 + KEPT_MS - 1)).toBeDefined()
  expect(keptDraft('clara', 'new', 1_000 + KEPT_MS)).toBeUndefined()
})

it('forgets what was sent, and everything of whoever signs out', () => {
  localStorage.setItem('nano.language', 'de')
  for (const name of ['a', 'b', 'c']) keepDraft('clara', name, name)
  dropDraft('clara', 'a')
  expect(keptDraft('clara', 'a')).toBeUndefined()
  expect(keptDraft('clara', 'b')).toBeDefined()
  forgetDrafts()
  for (const name of ['b', 'c']) expect(keptDraft('clara', name)).toBeUndefined()
  expect(localStorage.getItem('nano.language')).toBe('de')
})

it('takes nothing that others have left there, and goes on without storage', () => {
  for (const bad of ['{', 'null', '7', '{"values":1}', '{"at":1}']) {
    localStorage.setItem('nano.draft.clara.new', bad)
    expect(keptDraft('clara', 'new', 2), bad).toBeUndefined()
  }
  vi.stubGlobal('localStorage', {
    setItem: () => {
      throw new Error('full')
    },
  })
  expect(() => keepDraft('clara', 'new', 'text')).not.toThrow()
})

it('asks before unsent text is left, and only then', () => {
  const went: string[] = []
  leaveBy(() => went.push('clean'))
  markDirty('form', () => went.push('discarded'))
  leaveBy(() => went.push('first'))
  expect(useLeaving.getState().leaving).toBeDefined()
  answer('stay')
  expect([went, isDirty()]).toEqual([['clean'], true])
  leaveBy(() => went.push('second'))
  answer('keep')
  expect([went, isDirty()]).toEqual([['clean', 'second'], false])
  markDirty('form', () => went.push('discarded'))
  leaveBy(() => went.push('third'))
  answer('discard')
  expect([went, isDirty()]).toEqual([['clean', 'second', 'discarded', 'third'], false])
  markDirty('form', () => {})
  markClean('form')
  leaveBy(() => went.push('sent'))
  expect(went.at(-1)).toBe('sent')
})
