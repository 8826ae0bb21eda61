import { afterEach, beforeEach, expect, it, vi } from 'vitest'

let connection: typeof import('./connection')
let asked: number[]
let answers: (boolean | Error)[]
let back: number

beforeEach(async () => {
  vi.useFakeTimers({ now: 0 })
  vi.spyOn(Math, 'random').mockReturnValue(1)
  vi.resetModules()
  connection = await import('./connection')
  asked = []
  answers = []
  back = 0
  connection.watchServer({
    ask: () => {
      asked.push(Date.now())
      const answer = answers.shift() ?? false
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
    back: () => (back += 1),
  })
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

it('asks ever less often until the server is back, and says so once', async () => {
  answers = [false, new Error('away'), false, true]
  connection.noteAway()
  connection.noteAway()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked).toEqual([1_000, 3_000, 7_000, 15_000])
  expect([back, connection.useConnection.getState().away]).toEqual([1, false])
})

it('never waits longer than half a minute', async () => {
  connection.noteAway()
  await vi.advanceTimersByTimeAsync(600_000)
  const pauses = asked.slice(1).map((at, place) => at - (asked[place] ?? 0))
  expect(Math.max(...pauses)).toBe(30_000)
  expect(pauses.length).toBeGreaterThan(15)
})

it('goes on slowly with a server that falls over again, and afresh with one that has recovered', async () => {
  answers = [false, true]
  connection.noteAway()
  await vi.advanceTimersByTimeAsync(3_000)
  connection.noteAway()
  answers = [true]
  await vi.advanceTimersByTimeAsync(4_000)
  expect(asked).toEqual([1_000, 3_000, 7_000])
  await vi.advanceTimersByTimeAsync(31_000)
  connection.noteAway()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(asked.at(-1)).toBe(39_000)
})

it('asks at once when there is a reason to', async () => {
  answers = [false, false, false, false]
  connection.noteAway()
  await vi.advanceTimersByTimeAsync(10_000)
  answers = [true]
  connection.askNow()
  await vi.advanceTimersByTimeAsync(0)
  expect([asked.at(-1), back]).toEqual([10_000, 1])
  connection.askNow()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked.filter((at) => at >= 10_000)).toHaveLength(1)
})
