import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { RequestError } from '../../api/request-error'
import type { Chat, Message, Place } from './api'
import { ANSWER_WITHIN, Conversation, type KeptOutgoing } from './conversation'
import { ASK_EVERY, type Socket, type Told } from './line'

// What a page has and Node.js has not.
vi.stubGlobal('localStorage', { getItem: () => null })
vi.stubGlobal('sessionStorage', { getItem: () => null })
vi.stubGlobal('navigator', { languages: ['de'] })

const ME = 'me'
const OTHER = 'other'

const message = (seq: number, sender_id = OTHER, id = `m${seq}`): Message => ({
  id,
  seq,
  sender_id,
  text: `Nachricht ${seq}`,
  created_at: '2026-11-30T12:00:00.000Z',
  removed: false,
})

const chat = (more: Partial<Chat> = {}): Chat => ({
  id: '7',
  state: 'open',
  nano: { id: 'n', title: 'Knoten' },
  other: { id: OTHER, name: 'Clara', username: 'clara', read_seq: 0 },
  own_nano: false,
  read_seq: 0,
  unread: 0,
  last_seq: 0,
  created_at: '',
  active_at: '',
  ...more,
})

class FakeSocket implements Socket {
  readyState = 0
  said: { type: string; id?: string; text?: string; seq?: number; after?: number }[] = []
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null
  send(data: Parameters<Socket['send']>[0]) {
    this.said.push(JSON.parse(data as string) as FakeSocket['said'][0])
  }
  close() {}
  tell(told: Told) {
    this.onmessage?.call(this as never, { data: JSON.stringify(told) } as MessageEvent)
  }
  ready(now = chat()) {
    this.onopen?.call(this as never, {} as Event)
    this.tell({ type: 'ready', chat: now, expires_at: '' })
  }
  end(code: number) {
    this.onclose?.call(this as never, { code } as CloseEvent)
  }
}

/** A server that keeps a chat, and a page on it. */
function setUp({ messages = [], outgoing = [] }: { messages?: Message[]; outgoing?: KeptOutgoing[] } = {}) {
  const kept = [...messages]
  const keys: string[] = []
  const sockets: FakeSocket[] = []
  let stored: KeptOutgoing[] = outgoing
  const onRead = vi.fn()
  const ways = {
    chat: vi.fn(() => Promise.resolve(chat({ last_seq: kept.length }))),
    messages: vi.fn(({ after, before }: Place) =>
      Promise.resolve(
        after === undefined
          ? kept.filter(({ seq }) => seq < (before ?? 0))
          : kept.filter(({ seq }) => seq > after),
      ),
    ),
    // Requests are known by their keys; their messages have ids of the server's.
    send: vi.fn((_: string, key: string) => {
      if (!keys.includes(key)) {
        keys.push(key)
        kept.push(message(kept.length + 1, ME))
      }
      return Promise.resolve(kept.at(-1) as Message)
    }),
    read: vi.fn((seq: number) => Promise.resolve({ read_seq: seq })),
  }
  const conversation = new Conversation(
    {
      ...ways,
      line: {
        url: 'wss://nano.example',
        token: () => Promise.resolve('token'),
        open: () => {
          const socket = new FakeSocket()
          sockets.push(socket)
          return socket
        },
      },
      keep: (outgoing) => (stored = outgoing),
      onRead,
    },
    { chat: chat({ last_seq: messages.length }), messages, outgoing },
  )
  const socket = () => {
    const last = sockets.at(-1)
    if (!last) throw new Error('no socket was opened')
    return last
  }
  const sent = () => socket().said.filter(({ type }) => type === 'send')
  const seqs = () => conversation.thread().messages.map(({ seq }) => seq)
  const outgoingNow = () => conversation.thread().outgoing.map(({ text, state }) => [text, state])
  return { conversation, ways, kept, sockets, socket, sent, seqs, outgoingNow, stored: () => stored, onRead }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(1)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

it('has each message once and in order, whatever way it came', async () => {
  const { conversation, socket, seqs } = setUp({ messages: [message(3), message(4)] })
  conversation.start()
  await tick()
  socket().ready()
  expect(socket().said[0]).toMatchObject({ type: 'auth', after: 4 })
  for (const seq of [5, 6]) socket().tell({ type: 'message', message: message(seq) })
  socket().tell({ type: 'message', message: message(5) })
  expect(seqs()).toEqual([3, 4, 5, 6])
})

it('brings earlier messages, and says when they did not come', async () => {
  const { conversation, ways, seqs } = setUp({ messages: [message(3)] })
  ways.messages.mockRejectedValueOnce(new Error('away'))
  await conversation.older()
  expect([conversation.thread().loading, conversation.thread().olderError]).toEqual([
    false,
    expect.any(Error),
  ])
  ways.messages.mockResolvedValueOnce([message(1), message(2)])
  await conversation.older()
  expect([seqs(), conversation.thread().olderError]).toEqual([[1, 2, 3], undefined])
  await conversation.older()
  expect(ways.messages).toHaveBeenCalledTimes(2)
})

it('a message goes out by the socket, and is there once it has come back', async () => {
  const { conversation, socket, sent, seqs, outgoingNow, stored } = setUp()
  conversation.start()
  await tick()
  // Written before there is a socket.
  conversation.send('Hallo')
  expect(outgoingNow()).toEqual([['Hallo', 'sending']])
  socket().ready()
  const [{ id = '' } = {}] = sent()
  expect(sent()).toEqual([{ type: 'send', id, text: 'Hallo' }])
  socket().tell({ type: 'sent', id, seq: 1, created_at: '' })
  socket().tell({ type: 'message', message: message(1, ME, id) })
  expect([seqs(), outgoingNow(), stored()]).toEqual([[1], [], []])
  await tick(2 * ANSWER_WITHIN)
  expect(outgoingNow()).toEqual([])
})

it('what was on its way when the socket broke is sent again under the same id', async () => {
  const { conversation, socket, sent, sockets, outgoingNow } = setUp()
  conversation.start()
  await tick()
  socket().ready()
  conversation.send('Hallo')
  const before = sent()
  socket().end(1001)
  await tick(1_000)
  expect(sockets).toHaveLength(2)
  socket().ready()
  expect(sent()).toEqual(before)
  // The server had it: it comes by its id, and `sent` says so once more.
  socket().tell({ type: 'message', message: message(1, ME, before[0]?.id) })
  socket().tell({ type: 'sent', id: before[0]?.id ?? '', seq: 1, created_at: '' })
  expect(outgoingNow()).toEqual([])
})

it('a refused message stays with its reason, and is sent again as the same, or given up', async () => {
  const { conversation, socket, sent, outgoingNow, stored } = setUp()
  conversation.start()
  await tick()
  socket().ready()
  conversation.send('Hallo')
  const id = sent()[0]?.id ?? ''
  const error = { code: 'RATE_LIMITED', message: 'Zu viel.', details: { retry_after_seconds: 6 } }
  socket().tell({ type: 'error', id, error })
  expect(conversation.thread().outgoing[0]).toMatchObject({
    state: 'failed',
    failure: { code: 'RATE_LIMITED', message: 'Zu viel.', retryAt: Date.now() + 6_000 },
  })
  expect(stored()).toEqual([{ id, text: 'Hallo', way: 'socket' }])
  conversation.again(id)
  expect(sent().map((one) => one.id)).toEqual([id, id])
  expect(outgoingNow()).toEqual([['Hallo', 'sending']])
  socket().tell({ type: 'error', id, error })
  conversation.discard(id)
  expect([outgoingNow(), stored()]).toEqual([[], []])
})

it('a message that is not answered has failed, and its socket is dead', async () => {
  const { conversation, socket, sockets, outgoingNow } = setUp()
  conversation.start()
  await tick()
  socket().ready()
  conversation.send('Hallo')
  await tick(ANSWER_WITHIN)
  expect(outgoingNow()).toEqual([['Hallo', 'failed']])
  await tick(1_000)
  expect(sockets).toHaveLength(2)
})

it('without sockets messages are sent and asked for by requests', async () => {
  const { conversation, socket, ways, kept, seqs, outgoingNow } = setUp()
  conversation.start()
  await tick()
  socket().end(1006)
  await tick()
  conversation.send('Hallo')
  await tick()
  expect([seqs(), outgoingNow(), ways.send.mock.calls.length]).toEqual([[1], [], 1])
  kept.push(message(2))
  await tick(ASK_EVERY)
  expect(seqs()).toEqual([1, 2])
})

it('a request whose answer was lost is repeated with the same key, also once there is a socket', async () => {
  const { conversation, socket, ways, kept, sent, outgoingNow } = setUp()
  conversation.start()
  await tick()
  socket().end(1006)
  await tick()
  const send = ways.send.getMockImplementation()
  ways.send.mockImplementationOnce(async (text, key) => {
    await send?.(text, key)
    throw new RequestError('de', undefined, undefined)
  })
  conversation.send('Hallo')
  await tick()
  expect(outgoingNow()).toEqual([['Hallo', 'failed']])
  await tick(1_000)
  socket().ready()
  conversation.again(conversation.thread().outgoing[0]?.id ?? '')
  await tick()
  const keys = ways.send.mock.calls.map(([, key]) => key)
  expect([keys.length, new Set(keys).size]).toEqual([2, 1])
  expect([sent(), outgoingNow(), kept.length]).toEqual([[], [], 1])
})

it('what may have arrived by the socket is looked for before it is sent by a request', async () => {
  const { conversation, socket, ways, kept, sent, seqs, outgoingNow } = setUp()
  conversation.start()
  await tick()
  socket().ready()
  conversation.send('Hallo')
  kept.push(message(1, ME, sent()[0]?.id))
  socket().end(4503)
  await tick(1_000)
  // No socket any more.
  socket().end(1006)
  await tick()
  expect([seqs(), outgoingNow()]).toEqual([[1], []])
  expect(ways.send).not.toHaveBeenCalled()
})

it('what a visit before has not sent is there, unless it has arrived', async () => {
  const outgoing = [
    { id: 'm1', text: 'angekommen', way: 'socket' as const },
    { id: 'x', text: 'nicht', way: 'socket' as const },
  ]
  const { conversation, socket, sent, outgoingNow } = setUp({ messages: [message(1, ME)], outgoing })
  expect(outgoingNow()).toEqual([['nicht', 'failed']])
  conversation.start()
  await tick()
  socket().ready()
  expect(sent()).toEqual([])
  conversation.again('x')
  expect(sent()).toEqual([{ type: 'send', id: 'x', text: 'nicht' }])
})

it('says how far one has read, once, and hears how far the other has', async () => {
  const { conversation, socket, ways, onRead } = setUp({ messages: [message(1), message(2, ME)] })
  conversation.start()
  await tick()
  socket().ready(chat({ unread: 1, last_seq: 2 }))
  conversation.read()
  conversation.read()
  const marks = socket().said.filter(({ type }) => type === 'read')
  expect(marks).toEqual([{ type: 'read', seq: 1 }])
  socket().tell({ type: 'read', user_id: ME, seq: 1, read_at: '' })
  expect([conversation.thread().chat.unread, onRead.mock.calls.length]).toEqual([0, 1])
  socket().tell({ type: 'read', user_id: OTHER, seq: 2, read_at: '2026-11-30T12:00:01.000Z' })
  expect(conversation.thread().chat.other.read_seq).toBe(2)
  expect(ways.read).not.toHaveBeenCalled()
})

it('marks are set by requests without a socket, and again when that failed', async () => {
  const { conversation, ways, onRead } = setUp({ messages: [message(1)] })
  ways.read.mockRejectedValueOnce(new Error('away'))
  conversation.read()
  await tick()
  expect(onRead).not.toHaveBeenCalled()
  conversation.read()
  await tick()
  conversation.read()
  await tick()
  expect([ways.read.mock.calls, onRead.mock.calls.length]).toEqual([[[1], [1]], 1])
  expect(conversation.thread().chat.read_seq).toBe(1)
})

it('a closed chat is read on by requests; an archived one is opened by a message', async () => {
  const { conversation, socket, ways, kept, seqs } = setUp()
  conversation.start()
  await tick()
  socket().ready(chat({ state: 'archived' }))
  socket().tell({ type: 'message', message: message(1) })
  expect(conversation.thread().chat.state).toBe('open')
  kept.push(message(1), message(2))
  ways.chat.mockResolvedValue(chat({ state: 'closed', last_seq: 2 }))
  socket().tell({ type: 'closed' })
  expect(conversation.thread().chat.state).toBe('closed')
  socket().end(4409)
  await tick()
  expect([conversation.thread().chat.state, seqs()]).toEqual(['closed', [1, 2]])
})

it('whoever may not read it any more is told why, and can ask again', async () => {
  const { conversation, socket, ways, sockets } = setUp()
  conversation.start()
  await tick()
  ways.messages.mockRejectedValueOnce(new RequestError('de', 404, {}))
  socket().end(4404)
  await tick()
  expect(conversation.thread().error).toBeInstanceOf(RequestError)
  conversation.renew()
  await tick()
  expect([conversation.thread().error, sockets.length]).toEqual([undefined, 2])
})
