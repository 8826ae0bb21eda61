import type { Tokens } from '../session/tokens'
import { describe } from './failure'
import { RequestError } from './request-error'

/** An answer that does not come within this time is not waited for. */
export const TIMEOUT_MS = 15_000

export interface Options {
  /** The address's query; what is empty or undefined is left out. */
  params?: object
  headers?: Record<string, string>
  /** Ends the request early: its page is gone, or the person has changed their mind. */
  signal?: AbortSignal
  /** In place of the usual time; 0 for as long as it takes. */
  timeoutMs?: number
  /** The request is finished even when its page is left. */
  keepalive?: boolean
  /** Carries the request in place of `fetch`: one that tells how much of a file was sent. */
  send?: Transport
  /** When the session turns out to be over, nobody is asked to sign in again for this. */
  quiet?: boolean
}

export interface Request extends Options {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  body?: unknown
}

/** A request as it goes over the line. */
export interface Sent {
  method: Request['method']
  url: string
  headers: Record<string, string>
  body?: BodyInit
  signal: AbortSignal
  keepalive?: boolean
}

/** Resolves with any answer, whatever its status; rejects when none came. */
export type Transport = (request: Sent) => Promise<{ status: number; text: string }>

export interface Answer<T> {
  data: T
}

type Handler = (request: Request) => Promise<Answer<unknown>>

/** Requests to the API, and what is done around each of them. */
export class Client {
  #handle: Handler

  constructor(handle: Handler) {
    this.#handle = handle
  }

  /** The same with something around every request. */
  with(around: (request: Request, send: Handler) => Promise<Answer<unknown>>) {
    const inner = this.#handle
    return new Client((request) => around(request, inner))
  }

  #send<T>(method: Request['method'], path: string, body: unknown, options?: Options) {
    return this.#handle({ ...options, method, path, body }) as Promise<Answer<T>>
  }

  get<T = unknown>(path: string, options?: Options) {
    return this.#send<T>('GET', path, undefined, options)
  }

  delete<T = unknown>(path: string, options?: Options, body?: unknown) {
    return this.#send<T>('DELETE', path, body, options)
  }

  post<T = unknown>(path: string, body?: unknown, options?: Options) {
    return this.#send<T>('POST', path, body, options)
  }

  put<T = unknown>(path: string, body?: unknown, options?: Options) {
    return this.#send<T>('PUT', path, body, options)
  }

  patch<T = unknown>(path: string, body?: unknown, options?: Options) {
    return this.#send<T>('PATCH', path, body, options)
  }
}

const overFetch: Transport = async ({ url, ...request }) => {
  const answer = await fetch(url, { ...request, credentials: 'same-origin' })
  return { status: answer.status, text: await answer.text() }
}

function address(base: string, path: string, params: object = {}) {
  const told = Object.entries(params).filter(([, value]) => value !== undefined && value !== '')
  const query = new URLSearchParams(told.map(([name, value]) => [name, String(value)])).toString()
  return base + path + (query && `?${query}`)
}

/** A client that speaks the person's language. */
export function createClient(base: string, language: () => string): Client {
  return new Client(async (request) => {
    const { method, path, params, body, signal, keepalive, send = overFetch } = request
    const { timeoutMs = TIMEOUT_MS } = request
    const spoken = language()
    const headers: Record<string, string> = { 'Accept-Language': spoken, ...request.headers }
    const plain = body === undefined || body instanceof Blob
    if (!plain) headers['Content-Type'] = 'application/json'
    const ends = [signal, timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined]
    let answer
    try {
      answer = await send({
        method,
        url: address(base, path, params),
        headers,
        body: plain ? body : JSON.stringify(body),
        signal: AbortSignal.any(ends.filter((end) => end !== undefined)),
        keepalive,
      })
    } catch (error) {
      // Whoever has ended it knows why; everybody else is told that no answer came.
      signal?.throwIfAborted()
      throw new RequestError(spoken, undefined, undefined, { cause: error })
    }
    const data = read(answer.text)
    if (answer.status >= 400) throw new RequestError(spoken, answer.status, data)
    return { data }
  })
}

/** Something in between may answer with a page. */
function read(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What the API says of a token that it does not accept. Other 401s are about a password or a code, and change nothing. */
const TOKEN_REFUSED = ['UNAUTHORIZED', 'TOKEN_EXPIRED', 'SESSION_ENDED']

/**
 * Sends every request with the access token. A refused token is replaced once. When the session turns out to be over, the
 * person may sign in `again`, and the request is repeated; who does not still reads as a guest, so that public pages
 * stay readable.
 */
export function authenticate(client: Client, tokens: Tokens, again: () => Promise<boolean>): Client {
  return client.with(async (request, send) => {
    const open = tokens.open
    let token = await tokens.get()
    // It was over before it was sent.
    if (open && !token && !request.quiet && (await again())) token = await tokens.get()
    try {
      return await send(withToken(request, token))
    } catch (error) {
      if (!token || !TOKEN_REFUSED.includes(describe(error).code)) throw error
      token = await tokens.replace(token)
      if (!token && !request.quiet && (await again())) token = await tokens.get()
      if (!token && request.method !== 'GET') throw error
      return send(withToken(request, token))
    }
  })
}

function withToken(request: Request, token: string | undefined): Request {
  return token ? { ...request, headers: { ...request.headers, Authorization: `Bearer ${token}` } } : request
}
