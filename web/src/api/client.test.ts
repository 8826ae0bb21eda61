import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Tokens } from '../session/tokens'
import { authenticate, createClient } from './client'
import { describeAt, describe as tell, isPassing } from './failure'

let stop: () => void = () => {}
afterEach(() => stop())

/** An API that accepts the tokens in `good`, and guests for reading when it is `open`. */
async function serve({ good, open = false, refusal }: { good: string[]; open?: boolean; refusal?: object }) {
  const seen: string[] = []
  const server = createServer((request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '')
    seen.push(`${request.method} ${token ?? 'guest'} ${request.headers['accept-language']}`)
    const allowed = token ? good.includes(token) : open
    response.writeHead(allowed ? 200 : 401, { 'Content-Type': 'application/json' })
    const error = { code: 'TOKEN_EXPIRED', message: 'zu alt', details: {}, ...refusal }
    response.end(JSON.stringify(allowed ? { data: 'ok' } : { success: false, error }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function connect(url: string, next: string | undefined) {
  const tokens = new Tokens({
    exchange: () =>
      next ? Promise.resolve({ access_token: next, expires_in: 900 }) : Promise.reject(new Error('over')),
    refused: () => true,
    exclusively: (work) => work(),
    lost: () => {},
    now: () => 0,
  })
  const client = createClient(url, () => 'de')
  authenticate(client, tokens)
  return { client, tokens }
}

describe('authenticate', () => {
  it('repeats a request with a new token when the old one is refused', async () => {
    const { seen, url } = await serve({ good: ['new'] })
    const { client, tokens } = connect(url, 'new')
    tokens.set({ access_token: 'old', expires_in: 900 })
    await client.post('/', { a: 1 })
    expect(seen).toEqual(['POST old de', 'POST new de'])
  })

  it('does not repeat for ever', async () => {
    const { seen, url } = await serve({ good: [] })
    const { client, tokens } = connect(url, 'new')
    tokens.set({ access_token: 'old', expires_in: 900 })
    const error: unknown = await client.get('/').catch((error: unknown) => error)
    expect(tell(error)).toMatchObject({ code: 'TOKEN_EXPIRED', message: 'zu alt' })
    expect(seen).toHaveLength(2)
  })

  it('sends nothing twice whose password or code was wrong', async () => {
    for (const code of ['INVALID_CREDENTIALS', 'SECOND_FACTOR_REQUIRED', 'SECOND_FACTOR_INVALID']) {
      const { seen, url } = await serve({ good: [], refusal: { code } })
      const { client, tokens } = connect(url, 'new')
      tokens.set({ access_token: 'old', expires_in: 900 })
      await expect(client.post('/')).rejects.toThrow()
      expect(seen, code).toEqual(['POST old de'])
      stop()
    }
  })

  it('reads public pages as a guest when the session is over, and writes nothing', async () => {
    const { seen, url } = await serve({ good: [], open: true })
    const { client, tokens } = connect(url, undefined)
    tokens.set({ access_token: 'old', expires_in: 900 })
    await client.get('/')
    tokens.set({ access_token: 'old', expires_in: 900 })
    await expect(client.post('/')).rejects.toThrow()
    expect(seen).toEqual(['GET old de', 'GET guest de', 'POST old de'])
  })
})

describe('failures', () => {
  it('tells an absent server from a refusal', async () => {
    const { url } = await serve({ good: [] })
    const { client } = connect(url, undefined)
    const refusal: unknown = await client.get('/').catch((error: unknown) => error)
    stop()
    const absence: unknown = await client.get('/').catch((error: unknown) => error)
    expect([tell(refusal).code, isPassing(refusal)]).toEqual(['TOKEN_EXPIRED', false])
    expect([tell(absence).code, isPassing(absence)]).toEqual(['OFFLINE', true])
  })

  it('says from when it first heard of it how long to wait, however often it is asked', async () => {
    const refusal = { code: 'TOO_MANY_ATTEMPTS', details: { retry_after_seconds: 90 } }
    const { url } = await serve({ good: [], refusal })
    const { client } = connect(url, undefined)
    const before = Date.now()
    const error: unknown = await client.get('/').catch((error: unknown) => error)
    const first = tell(error).retryAt ?? 0
    const heard = first - 90_000
    expect(heard).toBeGreaterThanOrEqual(before)
    expect(heard).toBeLessThanOrEqual(Date.now())
    vi.useFakeTimers({ now: Date.now() + 30_000 })
    try {
      expect(tell(error).retryAt).toBe(first)
    } finally {
      vi.useRealTimers()
    }
  })

  it('says at its field what is about one field', async () => {
    const { url } = await serve({ good: [], refusal: { code: 'SECOND_FACTOR_INVALID', message: 'ist alt' } })
    const { client } = connect(url, undefined)
    const error: unknown = await client.get('/').catch((error: unknown) => error)
    const fields = (at: Parameters<typeof describeAt>[1]) => describeAt(error, at).fields
    expect(fields({ SECOND_FACTOR_INVALID: { field: 'code' } })).toEqual({ code: 'ist alt' })
    expect(fields({ SECOND_FACTOR_INVALID: { field: 'code', words: 'ist falsch' } })).toEqual({
      code: 'ist falsch',
    })
    expect(fields({ INVALID_CREDENTIALS: { field: 'password' } })).toEqual({})
  })
})
