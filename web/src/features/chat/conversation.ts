import { describe, type Failure } from '../../api/failure'
import { RequestError } from '../../api/request-error'
import { language } from '../../i18n/language'
import { PAGE, type Chat, type Message, type Place } from './api'
import { Line, type LineOptions, type LineState, type Told } from './line'

/** A message that is not answered within this time may be lost; its sender is told so. */
export const ANSWER_WITHIN = 15_000

/** A message that is on its way, or was not sent. */
export interface Outgoing {
  /** Under which it is sent, however often: it is kept once. */
  id: string
  text: string
  state: 'sending' | 'failed'
  /** Why it was not sent. */
  failure?: Failure
  /**
   * How it has been tried. The API knows a message from the socket by its id, and one from a request by the request's key: what
   * may have arrived one way is not sent the other before that is known.
   */
  way?: 'socket' | 'request'
}

/** What is kept of it for a reload. */
export type KeptOutgoing = Pick<Outgoing, 'id' | 'text' | 'way'>

/** Where a conversation happens. */
export interface Ways {
  chat: () => Promise<Chat>
  messages: (place: Place) => Promise<Message[]>
  send: (text: string, key: string) => Promise<Message>
  read: (seq: number) => Promise<{ read_seq: number }>
  /** How its socket is opened. */
  line: Pick<LineOptions, 'url' | 'token' | 'open'>
  keep: (outgoing: KeptOutgoing[]) => void
  /** There is less unread than before. */
  onRead: () => void
}

export interface Thread {
  chat: Chat
  /** In their order, without a gap. */
  messages: readonly Message[]
  outgoing: readonly Outgoing[]
  line: LineState
  /** Earlier messages are on their way. */
  loading: boolean
  /** They did not come. */
  olderError?: unknown
  /** Nothing new comes any more. */
  error?: unknown
}

const OFFLINE: Failure = { code: 'OFFLINE', message: '', fields: {} }

/** A chat as one of its people has it open: its messages, what they are sending, and how far both have read. */
export class Conversation {
  #ways: Ways
  #thread: Thread
  #listeners = new Set<() => void>()
  #line: Line | undefined
  #stop: AbortController | undefined
  #asked: Promise<void> | undefined
  #timers = new Map<string, ReturnType<typeof setTimeout>>()
  #posting = new Set<string>()
  /** How far the server was told that we have read. */
  #told = 0

  constructor(ways: Ways, start: { chat: Chat; messages: Message[]; outgoing: KeptOutgoing[] }) {
    this.#ways = ways
    const { chat, messages } = start
    // Of a visit before: nobody has seen what became of it, unless it is here.
    const outgoing = start.outgoing
      .filter(({ id }) => !messages.some((message) => message.id === id))
      .map((one): Outgoing => ({ ...one, state: 'failed', failure: OFFLINE }))
    this.#thread = { chat, messages, outgoing, line: 'connecting', loading: false }
  }

  readonly subscribe = (tell: () => void) => {
    this.#listeners.add(tell)
    return () => this.#listeners.delete(tell)
  }

  readonly thread = () => this.#thread

  #set(change: Partial<Thread>) {
    this.#thread = { ...this.#thread, ...change }
    for (const tell of this.#listeners) tell()
  }

  get #last() {
    return this.#thread.messages.at(-1)?.seq ?? 0
  }

  /** Follows what happens, until `stop`. */
  start() {
    if (this.#stop) return
    const stop = new AbortController()
    this.#stop = stop
    this.#told = 0
    this.#set({ line: 'connecting', error: undefined })
    const line = new Line({
      ...this.#ways.line,
      after: () => this.#last,
      onTold: (told) => this.#hear(told),
      onState: (line) => {
        if (stop.signal.aborted) return
        this.#set({ line })
        if (line !== 'connecting') this.#deliverAll()
      },
      ask: () => this.#ask(),
      signal: stop.signal,
    })
    this.#line = line
    void line.follow().then(async (ending) => {
      if (stop.signal.aborted || ending === 'left' || ending === 'signed-out') return
      // Requests say why there is no socket, or go on without one.
      this.#set({ line: 'requests' })
      await this.#ask().catch((error: unknown) => this.#set({ error }))
      this.#deliverAll()
    })
  }

  stop() {
    this.#stop?.abort()
    this.#stop = undefined
    this.#line = undefined
  }

  /** The network is back, or the person has asked for it. */
  renew() {
    if (this.#thread.error !== undefined) {
      this.stop()
      this.start()
    } else this.#line?.renew()
  }

  #hear(told: Told) {
    const { chat, messages } = this.#thread
    switch (told.type) {
      case 'ready':
        this.#set({ chat: told.chat })
        this.#told = 0
        break
      case 'message':
        this.#take([told.message])
        break
      case 'sent':
        // The message itself comes, or has come.
        this.#settle(told.id)
        if (told.seq <= this.#last) this.#drop(told.id)
        break
      case 'read':
        if (told.user_id === chat.other.id) {
          const other = { ...chat.other, read_seq: told.seq, read_at: told.read_at }
          this.#set({ chat: { ...chat, other } })
        } else {
          const isUnread = ({ seq, sender_id }: Message) => seq > told.seq && sender_id === chat.other.id
          this.#set({ chat: { ...chat, read_seq: told.seq, unread: messages.filter(isUnread).length } })
          this.#ways.onRead()
        }
        break
      case 'closed':
        this.#set({ chat: { ...chat, state: 'closed' } })
        break
      case 'error':
        if (told.id !== undefined) this.#fail(told.id, refusal(told.error))
    }
  }

  /** Messages that have come, whatever way; each once. */
  #take(fresh: readonly Message[]) {
    if (fresh.length === 0) return
    const all = new Map([...this.#thread.messages, ...fresh].map((message) => [message.seq, message]))
    const messages = [...all.values()].sort((a, b) => a.seq - b.seq)
    const { chat } = this.#thread
    const last = messages.at(-1)?.seq ?? 0
    // Whatever is written opens an archived chat.
    const state = chat.state === 'archived' && last > chat.last_seq ? 'open' : chat.state
    this.#set({ messages, chat: { ...chat, state, last_seq: Math.max(chat.last_seq, last) } })
    for (const { id } of fresh) this.#drop(id)
  }

  /** Asks by requests what is new; whoever asks meanwhile waits for the same answer. */
  #ask(): Promise<void> {
    this.#asked ??= this.#askOnce().finally(() => (this.#asked = undefined))
    return this.#asked
  }

  async #askOnce() {
    for (;;) {
      const fresh = await this.#ways.messages({ after: this.#last })
      this.#take(fresh)
      if (fresh.length < PAGE) break
    }
    // Marks and states.
    this.#set({ chat: await this.#ways.chat() })
  }

  /** Brings the messages before those that are here. */
  async older() {
    const first = this.#thread.messages[0]?.seq ?? 1
    if (first <= 1 || this.#thread.loading) return
    this.#set({ loading: true, olderError: undefined })
    try {
      this.#take(await this.#ways.messages({ before: first }))
      this.#set({ loading: false })
    } catch (olderError) {
      this.#set({ loading: false, olderError })
    }
  }

  /** Everything that is here was seen. */
  read() {
    const { chat, messages } = this.#thread
    const seen = messages.findLast(({ sender_id }) => sender_id === chat.other.id)?.seq ?? 0
    if (seen <= Math.max(chat.read_seq, this.#told)) return
    this.#told = seen
    if (this.#line?.say({ type: 'read', seq: seen })) return
    const note = async () => {
      const { read_seq } = await this.#ways.read(seen)
      this.#set({ chat: { ...this.#thread.chat, read_seq, unread: 0 } })
      this.#ways.onRead()
    }
    // Said again with the next message, or the next visit.
    note().catch(() => (this.#told = 0))
  }

  send(text: string) {
    const one: Outgoing = { id: crypto.randomUUID(), text, state: 'sending' }
    this.#setOutgoing([...this.#thread.outgoing, one])
    this.#deliver(one)
  }

  /** Sends a message that was not sent, as the one it is. */
  again(id: string) {
    const one = this.#thread.outgoing.find((one) => one.id === id)
    if (one?.state === 'failed')
      this.#deliver(this.#change(id, { state: 'sending', failure: undefined }) ?? one)
  }

  /** Gives up a message that was not sent. */
  discard(id: string) {
    this.#drop(id)
  }

  #deliverAll() {
    for (const one of this.#thread.outgoing) if (one.state === 'sending') this.#deliver(one)
  }

  #deliver(one: Outgoing) {
    if (one.way !== 'request' && this.#line?.say({ type: 'send', id: one.id, text: one.text })) {
      this.#change(one.id, { way: 'socket' })
      this.#expectAnswer(one.id)
    } else if (one.way === 'request' || this.#thread.line === 'requests') void this.#post(one.id)
    // It goes out as soon as it is known how.
    else this.#expectAnswer(one.id)
  }

  async #post(id: string) {
    const one = this.#find(id)
    if (!one || this.#posting.has(id)) return
    this.#posting.add(id)
    this.#settle(id)
    try {
      if (one.way === 'socket') {
        await this.#ask()
        // It had arrived.
        if (!this.#find(id)) return
      }
      this.#change(id, { way: 'request' })
      const message = await this.#ways.send(one.text, id)
      if (message.seq > this.#last + 1) await this.#ask().catch(() => {})
      if (message.seq === this.#last + 1) this.#take([message])
      this.#drop(id)
    } catch (error) {
      this.#fail(id, describe(error))
    } finally {
      this.#posting.delete(id)
    }
  }

  #expectAnswer(id: string) {
    this.#settle(id)
    const timer = setTimeout(() => {
      this.#fail(id, OFFLINE)
      // A socket that does not answer is dead.
      this.#line?.renew()
    }, ANSWER_WITHIN)
    this.#timers.set(id, timer)
  }

  #settle(id: string) {
    clearTimeout(this.#timers.get(id))
    this.#timers.delete(id)
  }

  #find(id: string) {
    return this.#thread.outgoing.find((one) => one.id === id)
  }

  #change(id: string, change: Partial<Outgoing>) {
    this.#setOutgoing(this.#thread.outgoing.map((one) => (one.id === id ? { ...one, ...change } : one)))
    return this.#find(id)
  }

  #fail(id: string, failure: Failure) {
    this.#settle(id)
    if (this.#find(id)) this.#change(id, { state: 'failed', failure })
  }

  #drop(id: string) {
    this.#settle(id)
    if (this.#find(id)) this.#setOutgoing(this.#thread.outgoing.filter((one) => one.id !== id))
  }

  #setOutgoing(outgoing: readonly Outgoing[]) {
    this.#set({ outgoing })
    this.#ways.keep(outgoing.map(({ id, text, way }) => ({ id, text, way })))
  }
}

/** What the socket has refused, as answers of the API are told. */
const refusal = (error: unknown) => describe(new RequestError(language(), 400, { error }))
