import type { Schemas } from '@nano/api-client'

/*
 * The socket of a chat, as docs/chat.md has it: it shows its token in the first message and a newer one when it is asked to, is
 * made again when it breaks, and goes on behind the last message that is here. While none can be opened, what is new is
 * asked for by requests.
 */

/** Pauses between attempts, in milliseconds: doubling from the first to the last. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000
/** A socket that lasted for less has not helped: the pauses go on growing. */
const RECOVERED = 30_000
/** A token that is not answered within this time is not waited for. */
const READY_WITHIN = 15_000
/** How often is asked what is new while there is no socket. */
export const ASK_EVERY = 5_000

/** What the server says. */
export type Told =
  | { type: 'ready'; chat: Schemas['Chat']; expires_at: string }
  | { type: 'renewed' | 'expiring'; expires_at: string }
  | { type: 'message'; message: Schemas['Message'] }
  | { type: 'sent'; id: string; seq: number; created_at: string }
  | { type: 'read'; user_id: string; seq: number; read_at?: string | null }
  | { type: 'closed' }
  | { type: 'error'; id?: string; error: unknown }

/** What is said to it, once it is ready. */
export type Saying = { type: 'send'; id: string; text: string } | { type: 'read'; seq: number }

/** `connecting`: not yet, or again; `requests`: no socket could be opened, and what is new is asked for. */
export type LineState = 'connecting' | 'live' | 'requests'

/** Why a line is over for good. */
export type Ending = 'left' | 'signed-out' | 'closed' | 'refused' | 'gone'

/** What is needed of a browser's `WebSocket`. */
export type Socket = Pick<
  WebSocket,
  'send' | 'close' | 'readyState' | 'onopen' | 'onmessage' | 'onclose' | 'onerror'
>

export interface LineOptions {
  url: string
  /** An access token, given the one that was refused or is about to expire, if one is; undefined when nobody is signed in. */
  token: (refused?: string) => Promise<string | undefined>
  /** The number of the last message that is here. */
  after: () => number
  onTold: (told: Told) => void
  onState: (state: LineState) => void
  /** Asks by requests what is new. */
  ask: () => Promise<unknown>
  signal: AbortSignal
  open?: (url: string) => Socket
}

/** What to do after a close code; see the table in docs/chat.md. */
function afterwards(code: number): 'again' | 'later' | 'token' | 'requests' | Ending {
  switch (code) {
    // What we say is no good to this server: it would end the next socket, too.
    case 1003:
    case 1009:
      return 'requests'
    case 4401:
      return 'token'
    case 4403:
      return 'refused'
    case 4404:
      return 'gone'
    case 4409:
      return 'closed'
    case 4429:
      return 'later'
    // The process stops (1001), we were slow (1013, 4408), a service is away (4503), or the network.
    default:
      return 'again'
  }
}

interface Held {
  code: number
  /** How long it was ready, in milliseconds; 0 when it never was. */
  lasted: number
  /** The last token that it was shown. */
  token: string | undefined
}

export class Line {
  #how: LineOptions
  #socket: Socket | undefined
  #ready = false
  /** Ends the asking by requests. */
  #asking: AbortController | undefined
  /** Ends the socket as if it had broken. */
  #cut = () => {}
  /** Ends the pause before the next attempt. */
  #hurry = () => {}

  constructor(how: LineOptions) {
    this.#how = how
  }

  /** Says something; false when there is nobody to say it to just now. */
  say(what: Saying): boolean {
    if (!this.#ready || !this.#socket) return false
    this.#socket.send(JSON.stringify(what))
    return true
  }

  /** There is reason to think that the socket is dead, or that a new one can be opened: it is made anew at once. */
  renew() {
    this.#cut()
    this.#hurry()
  }

  /** Holds a socket until there is a reason not to. */
  async follow(): Promise<Ending> {
    const { signal } = this.#how
    let pause = FIRST_PAUSE
    let refused: string | undefined
    try {
      while (!signal.aborted) {
        const held = await this.#attempt(refused)
        if (signal.aborted) break
        if (held === 'signed-out') return held
        if (held.lasted > 0) this.#how.onState('connecting')
        if (held.lasted >= RECOVERED) pause = FIRST_PAUSE
        const next = afterwards(held.code)
        if (next === 'closed' || next === 'refused' || next === 'gone') return next
        if (next === 'requests') {
          this.#ask()
          await pausing(signal)
          break
        }
        const before = refused
        refused = next === 'token' ? held.token : undefined
        // A newer token is shown at once; one that is refused as well has to wait like everything else.
        if (refused !== undefined && before === undefined) continue
        if (held.lasted === 0 || next === 'later') this.#ask()
        // Not all clients of a process that has stopped at the same moment.
        const wait = next === 'later' ? LONGEST_PAUSE : pause * (0.5 + Math.random() / 2)
        pause = Math.min(pause * 2, LONGEST_PAUSE)
        await this.#pause(wait)
      }
      return 'left'
    } finally {
      this.#asking?.abort()
    }
  }

  async #attempt(refused: string | undefined): Promise<Held | 'signed-out'> {
    let token: string | undefined
    try {
      token = await this.#how.token(refused)
    } catch {
      // No token without a server: the same as no socket.
      return { code: 1006, lasted: 0, token: undefined }
    }
    if (this.#how.signal.aborted) return { code: 1000, lasted: 0, token }
    return token ? this.#hold(token) : 'signed-out'
  }

  /** One socket, from its opening to its end. */
  #hold(first: string): Promise<Held> {
    const { url, signal, after, open = (url: string) => new WebSocket(url) } = this.#how
    let token = first
    let since: number | undefined
    return new Promise((resolve) => {
      let socket: Socket
      try {
        socket = open(url)
      } catch {
        // A policy forbids it.
        resolve({ code: 1006, lasted: 0, token })
        return
      }
      this.#socket = socket
      const end = (code: number) => {
        clearTimeout(late)
        signal.removeEventListener('abort', cut)
        socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
        this.#socket = undefined
        this.#ready = false
        this.#cut = () => {}
        // A socket that was ready for no time at all was ready all the same.
        resolve({ code, lasted: since === undefined ? 0 : Math.max(1, Date.now() - since), token })
      }
      const cut = () => {
        end(1006)
        socket.close()
      }
      const late = setTimeout(cut, READY_WITHIN)
      this.#cut = cut
      signal.addEventListener('abort', cut)
      const renew = async () => {
        const newer = await this.#how.token(token).catch(() => undefined)
        if (!newer || this.#socket !== socket) return
        token = newer
        socket.send(JSON.stringify({ type: 'auth', token }))
      }
      socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token, after: after() }))
      socket.onclose = ({ code }) => end(code)
      // What follows is its end.
      socket.onerror = () => {}
      socket.onmessage = ({ data }) => {
        const told = read(data)
        if (!told) return
        if (told.type === 'ready') {
          clearTimeout(late)
          since = Date.now()
          this.#ready = true
          this.#asking?.abort()
          this.#asking = undefined
          this.#how.onTold(told)
          this.#how.onState('live')
          return
        }
        if (told.type === 'expiring') void renew()
        this.#how.onTold(told)
      }
    })
  }

  /** Asks by requests, again and again, until there is a socket. */
  #ask() {
    if (this.#asking) return
    const asking = new AbortController()
    this.#asking = asking
    this.#how.onState('requests')
    const go = async () => {
      while (!asking.signal.aborted) {
        // What failed is asked again; that the server is away is told by the page around.
        await this.#how.ask().catch(() => {})
        await pausing(asking.signal, ASK_EVERY)
      }
    }
    void go()
  }

  async #pause(ms: number) {
    const hurry = new AbortController()
    this.#hurry = () => hurry.abort()
    await pausing(AbortSignal.any([this.#how.signal, hurry.signal]), ms)
    this.#hurry = () => {}
  }
}

/** What is not understood is from a newer server, and not for us. */
function read(data: unknown): Told | undefined {
  try {
    const told = JSON.parse(String(data)) as Partial<Told> | null
    return typeof told?.type === 'string' ? (told as Told) : undefined
  } catch {
    return undefined
  }
}

/** Resolves after a time, or earlier at the signal; without a time only at the signal. */
function pausing(signal: AbortSignal, ms?: number) {
  return new Promise<void>((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const timer = ms === undefined ? undefined : setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
