import { describe, expect, it } from 'vitest'
import { Tokens } from './tokens'

const REFUSED = new Error('refused')
const AWAY = new Error('away')

/** A token source whose exchanges are answered one by one. */
function setUp() {
  const waiting: { resolve: (token: string) => void; reject: (error: Error) => void }[] = []
  const state = { now: 0, lost: 0, exchanges: 0 }
  const tokens = new Tokens({
    exchange: () => {
      state.exchanges += 1
      return new Promise((resolve, reject) =>
        waiting.push({
          resolve: (token) => resolve({ access_token: token, expires_in: 900 }),
          reject,
        }),
      )
    },
    refused: (error) => error === REFUSED,
    exclusively: (work) => work(),
    lost: () => (state.lost += 1),
    now: () => state.now,
  })
  const answer = (token: string) => waiting.shift()?.resolve(token)
  const refuse = (error: Error) => waiting.shift()?.reject(error)
  return { tokens, state, answer, refuse }
}

describe('Tokens', () => {
  it('asks for nothing while nobody is signed in', async () => {
    const { tokens, state } = setUp()
    expect(await tokens.get()).toBeUndefined()
    expect(await tokens.replace('old')).toBeUndefined()
    expect(state.exchanges).toBe(0)
  })

  it('exchanges once for everybody who asks meanwhile', async () => {
    const { tokens, state, answer } = setUp()
    tokens.resume()
    const all = [tokens.get(), tokens.get(), tokens.get()]
    answer('a')
    expect(await Promise.all(all)).toEqual(['a', 'a', 'a'])
    expect(await tokens.get()).toBe('a')
    expect(state.exchanges).toBe(1)
  })

  it('renews a token shortly before it ends', async () => {
    const { tokens, state, answer } = setUp()
    tokens.set({ access_token: 'a', expires_in: 900 })
    state.now = 869_000
    expect(await tokens.get()).toBe('a')
    state.now = 871_000
    const next = tokens.get()
    answer('b')
    expect(await next).toBe('b')
  })

  it('replaces a refused token, but not one that was replaced meanwhile', async () => {
    const { tokens, state, answer } = setUp()
    tokens.set({ access_token: 'a', expires_in: 900 })
    const both = [tokens.replace('a'), tokens.replace('a')]
    answer('b')
    expect(await Promise.all(both)).toEqual(['b', 'b'])
    expect(await tokens.replace('a')).toBe('b')
    expect(state.exchanges).toBe(1)
  })

  it('is over when the exchange is refused, and says so once', async () => {
    const { tokens, state, refuse } = setUp()
    tokens.resume()
    const both = [tokens.get(), tokens.get()]
    refuse(REFUSED)
    expect(await Promise.all(both)).toEqual([undefined, undefined])
    expect(await tokens.get()).toBeUndefined()
    expect(state).toMatchObject({ lost: 1, exchanges: 1 })
  })

  it('keeps the session when the server is away, and asks again', async () => {
    const { tokens, state, answer, refuse } = setUp()
    tokens.resume()
    const first = tokens.get()
    refuse(AWAY)
    await expect(first).rejects.toBe(AWAY)
    const second = tokens.get()
    answer('a')
    expect(await second).toBe('a')
    expect(state.lost).toBe(0)
  })

  it('does not come back to life when it was signed out during an exchange', async () => {
    const { tokens, state, answer, refuse } = setUp()
    tokens.resume()
    const first = tokens.get()
    tokens.clear()
    answer('a')
    expect(await first).toBeUndefined()
    expect(await tokens.get()).toBeUndefined()
    tokens.resume()
    const second = tokens.get()
    tokens.clear()
    refuse(REFUSED)
    expect(await second).toBeUndefined()
    expect(state.lost).toBe(0)
  })
})
