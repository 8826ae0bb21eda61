import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Tokens } from '../session/tokens'
import { authenticate, createClient } from './client'
import { describeAt, describe as tell, isAway, isPassing } from './failure'

// What a page has and Node.js has not.
vi.stubGlobal('localStorage', { getItem: () => null })
vi.stubGlobal('navigator', { languages: ['de'] })

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

function connect(url: string, next: string | undefined, again = () => Promise.resolve(false)) {
  const tokens = new Tokens({
    exchange: () =>
      next ? Promise.resolve({ access_token: next, expires_in: 900 }) : Promise.reject(new Error('over')),
    refused: () => true,
    exclusively: (work) => work(),
    lost: () => {},
    now: () => 0,
  })
  const client = authenticate(
    createClient(url, () => 'de'),
    tokens,
    again,
  )
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

describe('a session that ends', () => {
  it('goes on with the same request once the person has signed in again', async () => {
    const { seen, url } = await serve({ good: ['mine'] })
    const { client, tokens } = connect(url, undefined, () => {
      tokens.set({ access_token: 'mine', expires_in: 900 })
      return Promise.resolve(true)
    })
    tokens.set({ access_token: 'old', expires_in: 900 })
    expect(await client.post('/', { title: 'Knoten' })).toEqual({ data: { data: 'ok' } })
    expect(seen).toEqual(['POST old de', 'POST mine de'])
  })

  it('asks before it sends what it knows will be refused', async () => {
    const { seen, url } = await serve({ good: ['mine'] })
    const { client, tokens } = connect(url, undefined, () => {
      tokens.set({ access_token: 'mine', expires_in: 900 })
      return Promise.resolve(true)
    })
    tokens.resume()
    await client.post('/')
    expect(seen).toEqual(['POST mine de'])
  })

  it('asks nobody for what is quiet', async () => {
    const { url } = await serve({ good: [], open: true })
    let asked = 0
    const { client, tokens } = connect(url, undefined, () => Promise.resolve((asked += 1) > 0))
    tokens.set({ access_token: 'old', expires_in: 900 })
    await client.get('/', { quiet: true })
    expect(asked).toBe(0)
  })
})

describe('requests', () => {
  it('are given up when no answer comes, or nobody waits for it', async () => {
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stop = () => {
      server.closeAllConnections()
      server.close()
    }
    const client = createClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => 'de')
    const late: unknown = await client.get('/', { timeoutMs: 20 }).catch((error: unknown) => error)
    expect([tell(late).code, isAway(late)]).toEqual(['OFFLINE', true])
    const abort = new AbortController()
    const left = client.get('/', { signal: abort.signal }).catch((error: unknown) => error)
    abort.abort()
    expect(await left).toMatchObject({ name: 'AbortError' })
    expect(isPassing(await left)).toBe(false)
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

  it('leaves out what was said in another language than the page is in now', async () => {
    const refusal = { message: 'zu kurz', details: { fields: [{ field: 'title', message: 'fehlt' }] } }
    const { url } = await serve({ good: [], refusal })
    const { client } = connect(url, undefined)
    const error: unknown = await client.get('/').catch((error: unknown) => error)
    expect(tell(error, 'de')).toMatchObject({ message: 'zu kurz', fields: { title: 'fehlt' } })
    expect(tell(error, 'en')).toMatchObject({ code: 'TOKEN_EXPIRED', message: '', fields: { title: '' } })
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
