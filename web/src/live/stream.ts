import { EventParser, type ServerEvent } from './sse'

/** Pauses between attempts, in milliseconds: doubling from the first to the last. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000

export interface StreamOptions {
  url: string
  /** The access token for the next attempt, given the one that was refused, if one was. */
  token: (refused?: string) => Promise<string | undefined>
  onEvent: (event: ServerEvent) => void
  /** Whether events come as they happen; false while it reconnects. */
  onLive?: (live: boolean) => void
  /** What was seen earlier: only what came after it is wanted. */
  after?: string
  signal: AbortSignal
  fetch?: typeof fetch
}

/**
 * Follows an event stream until it is aborted, the stream is gone (404), or nobody is signed in. A broken connection
 * is made again and resumes after the last event that was seen. `EventSource` cannot be used: it sends no
 * `Authorization` header.
 */
export async function follow(options: StreamOptions): Promise<void> {
  const { signal, onLive = () => {} } = options
  let pause = FIRST_PAUSE
  let refused: string | undefined
  const parser = new EventParser((event) => {
    pause = FIRST_PAUSE
    options.onEvent(event)
  })
  parser.lastEventId = options.after ?? ''
  while (!signal.aborted) {
    let wait = 0
    try {
      const token = await options.token(refused)
      if (!token) return
      const response = await connect(options, token, parser.lastEventId)
      if (response.status === 401 && refused === undefined) {
        refused = token
        continue
      }
      refused = undefined
      if (response.ok && response.body) {
        onLive(true)
        parser.reset()
        for await (const text of read(response.body)) parser.push(text)
        // The server ends streams, too, when it restarts.
        wait = parser.retry ?? 0
      } else if (response.status < 500 && response.status !== 429) {
        return
      } else {
        wait = Number(response.headers.get('Retry-After') ?? 0) * 1_000
      }
    } catch {
      // Aborted, or the network: tried again below.
    }
    if (signal.aborted) break
    onLive(false)
    await sleep(Math.max(wait, pause * (0.5 + Math.random() / 2)), signal)
    pause = Math.min(pause * 2, LONGEST_PAUSE)
  }
  onLive(false)
}

function connect({ url, signal, fetch: send = fetch }: StreamOptions, token: string, lastEventId: string) {
  const headers: Record<string, string> = { Accept: 'text/event-stream', Authorization: `Bearer ${token}` }
  if (lastEventId) headers['Last-Event-ID'] = lastEventId
  return send(url, { headers, signal, cache: 'no-store' })
}

async function* read(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader()
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield decoder.decode(value, { stream: true })
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

function sleep(ms: number, signal: AbortSignal) {
  return new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
