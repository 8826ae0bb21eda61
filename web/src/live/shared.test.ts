import { afterEach, expect, it } from 'vitest'
import { share, type Follow } from './shared'
import type { ServerEvent } from './sse'

const event = (id: number): ServerEvent => ({ type: 'message', data: `${id}`, id: `${id}` })

/** Locks as a browser has them: one holder, the others in the order they came. */
function someLocks() {
  let last: Promise<unknown> = Promise.resolve()
  const request = async (_: string, { signal }: { signal: AbortSignal }, work: () => Promise<void>) => {
    const before = last
    let done = () => {}
    last = new Promise<void>((resolve) => (done = resolve))
    try {
      await Promise.race([
        before,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      ])
      await work()
    } finally {
      // A place in the line that was given up is passed on when it would have come.
      void before.then(done)
    }
  }
  return { request } as unknown as LockManager
}

let ends: AbortController[] = []
afterEach(() => {
  for (const end of ends) end.abort()
  ends = []
})

/** A server's stream, and tabs that want it. */
function setUp(name: string, keep?: (event: ServerEvent) => string) {
  const locks = someLocks()
  const readers: { after: string; onEvent: (event: ServerEvent) => void }[] = []
  const follow: Follow = ({ after, onEvent, onLive, signal }) => {
    readers.push({ after, onEvent })
    onLive(true)
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
  }
  const tab = () => {
    const end = new AbortController()
    ends.push(end)
    const told = { events: [] as string[], live: false }
    const ended = share({
      name,
      follow,
      onEvents: (events) => told.events.push(...events.map(({ data }) => data)),
      onLive: (live) => (told.live = live),
      keep,
      signal: end.signal,
      locks,
    })
    return { told, ended, close: () => end.abort() }
  }
  return { readers, tab }
}

/** Messages between tabs take their time. */
async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

it('is read once for all tabs, and told to those that come later', async () => {
  const { readers, tab } = setUp('once')
  const first = tab()
  await until(() => readers.length === 1)
  readers[0]?.onEvent(event(1))
  const second = tab()
  await until(() => second.told.events.length === 1)
  readers[0]?.onEvent(event(2))
  await until(() => second.told.events.length === 2)
  expect([first.told, second.told]).toEqual(Array(2).fill({ events: ['1', '2'], live: true }))
  expect(readers).toHaveLength(1)
})

it('goes on in another tab after the last event, without loss or repeats', async () => {
  const { readers, tab } = setUp('handover')
  const first = tab()
  const second = tab()
  await until(() => readers.length === 1)
  readers[0]?.onEvent(event(1))
  readers[0]?.onEvent(event(2))
  await until(() => second.told.events.length === 2)
  first.close()
  await first.ended
  await until(() => readers.length === 2)
  expect(readers[1]?.after).toBe('2')
  readers[1]?.onEvent(event(2))
  readers[1]?.onEvent(event(3))
  expect(second.told.events).toEqual(['1', '2', '3'])
  expect(first.told).toEqual({ events: ['1', '2'], live: false })
})

it('passes over tabs that closed while they waited', async () => {
  const { readers, tab } = setUp('waiting')
  const first = tab()
  const second = tab()
  const third = tab()
  await until(() => readers.length === 1)
  second.close()
  await second.ended
  first.close()
  await until(() => readers.length === 2)
  readers[1]?.onEvent(event(1))
  expect([second.told.events, third.told.events]).toEqual([[], ['1']])
})

it('of snapshots only the newest of each name is kept, also when an older one comes back', async () => {
  const { readers, tab } = setUp('snapshots', ({ type }) => type)
  const snapshot = (type: string, id: string) => ({ type, data: `${type} ${id}`, id })
  const first = tab()
  await until(() => readers.length === 1)
  for (const id of ['a', 'b', 'a']) readers[0]?.onEvent(snapshot('queues', id))
  readers[0]?.onEvent(snapshot('workers', 'c'))
  expect(first.told.events).toEqual(['queues a', 'queues b', 'queues a', 'workers c'])
  const second = tab()
  await until(() => second.told.events.length === 2)
  expect(second.told.events).toEqual(['queues a', 'workers c'])
  first.close()
  await until(() => readers.length === 2)
  expect(readers[1]?.after).toBe('c')
})

it('events of the same id are each told once, where they are kept apart', async () => {
  const { readers, tab } = setUp('times', ({ data }) => data)
  const at = (data: string) => ({ type: 'message', data, id: '5' })
  const first = tab()
  await until(() => readers.length === 1)
  for (const data of ['a 1', 'b 1', 'a 1']) readers[0]?.onEvent(at(data))
  expect(first.told.events).toEqual(['a 1', 'b 1'])
})
