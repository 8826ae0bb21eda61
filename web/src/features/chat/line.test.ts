import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ASK_EVERY, Line, type LineOptions, type LineState, type Socket, type Told } from './line'

/** A socket whose server is the test. */
class FakeSocket implements Socket {
  readyState = 0
  said: unknown[] = []
  closed = false
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null

  send(data: Parameters<Socket['send']>[0]) {
    this.said.push(JSON.parse(data as string))
  }

  close() {
    this.closed = true
  }

  open() {
    this.onopen?.call(this as never, {} as Event)
  }

  tell(told: unknown) {
    const data = typeof told === 'string' ? told : JSON.stringify(told)
    this.onmessage?.call(this as never, { data } as MessageEvent)
  }

  ready() {
    this.open()
    this.tell({ type: 'ready', chat: {}, expires_at: '' })
  }

  end(code: number) {
    this.onclose?.call(this as never, { code } as CloseEvent)
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  // The longest of the pauses that chance allows.
  vi.spyOn(Math, 'random').mockReturnValue(1)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

function setUp(how: Partial<LineOptions> = {}) {
  const sockets: FakeSocket[] = []
  const heard: Told[] = []
  const states: LineState[] = []
  const refused: (string | undefined)[] = []
  const asked: number[] = []
  const stop = new AbortController()
  const line = new Line({
    url: 'wss://nano.example/api/v1/ws/chat/7',
    token: (old) => {
      refused.push(old)
      return Promise.resolve(old === undefined ? 'first' : `${old}+`)
    },
    after: () => 12,
    onTold: (told) => heard.push(told),
    onState: (state) => states.push(state),
    ask: () => {
      asked.push(Date.now())
      return Promise.resolve()
    },
    signal: stop.signal,
    open: () => {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket
    },
    ...how,
  })
  const ending = line.follow()
  const last = () => {
    const socket = sockets.at(-1)
    if (!socket) throw new Error('no socket was opened')
    return socket
  }
  return { line, sockets, last, heard, states, refused, asked, stop, ending }
}

it('shows its token in the first message, and what it has; then it says and hears', async () => {
  const { line, last, heard, states } = setUp()
  await tick()
  expect(line.say({ type: 'read', seq: 1 })).toBe(false)
  last().open()
  expect(last().said).toEqual([{ type: 'auth', token: 'first', after: 12 }])
  expect(line.say({ type: 'read', seq: 1 })).toBe(false)
  last().tell({ type: 'ready', chat: { id: '7' }, expires_at: '' })
  last().tell({ type: 'message', message: { seq: 13 } })
  expect(heard).toEqual([
    { type: 'ready', chat: { id: '7' }, expires_at: '' },
    { type: 'message', message: { seq: 13 } },
  ])
  expect(states).toEqual(['live'])
  expect(line.say({ type: 'send', id: 'a', text: 'Hallo' })).toBe(true)
  expect(last().said[1]).toEqual({ type: 'send', id: 'a', text: 'Hallo' })
})

it('shows a newer token when the old one is about to expire', async () => {
  const { last, refused } = setUp()
  await tick()
  last().ready()
  last().tell({ type: 'expiring', expires_at: '' })
  await tick()
  expect(refused).toEqual([undefined, 'first'])
  expect(last().said[1]).toEqual({ type: 'auth', token: 'first+' })
  last().tell({ type: 'expiring', expires_at: '' })
  await tick()
  expect(last().said[2]).toEqual({ type: 'auth', token: 'first++' })
})

it('a token that cannot be renewed leaves the socket to its end', async () => {
  const token = vi.fn().mockResolvedValueOnce('first').mockRejectedValueOnce(new Error('away'))
  const { last, sockets } = setUp({ token })
  await tick()
  last().ready()
  last().tell({ type: 'expiring', expires_at: '' })
  await tick()
  expect(last().said).toHaveLength(1)
  // What was refused is replaced by a newer one at once.
  token.mockResolvedValueOnce('second')
  last().end(4401)
  await tick()
  expect(token).toHaveBeenLastCalledWith('first')
  expect(sockets).toHaveLength(2)
})

it.each([1001, 1006, 1013, 4408, 4503])('connects again after %i, behind what it has', async (code) => {
  let after = 12
  const { last, sockets, states } = setUp({ after: () => after })
  await tick()
  last().ready()
  after = 20
  last().end(code)
  await tick()
  expect([sockets.length, states.at(-1)]).toEqual([1, 'connecting'])
  await tick(1_000)
  expect(sockets).toHaveLength(2)
  last().ready()
  expect(last().said).toEqual([{ type: 'auth', token: 'first', after: 20 }])
  expect(states.at(-1)).toBe('live')
})

it('pauses grow up to half a minute, each by chance between a half and the whole', async () => {
  const { last, sockets } = setUp()
  await tick()
  const pauses: number[] = []
  for (let attempt = 0; attempt < 8; attempt++) {
    const [before, since] = [sockets.length, Date.now()]
    last().end(4503)
    while (sockets.length === before) await tick(100)
    pauses.push(Date.now() - since)
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1000))
  vi.mocked(Math.random).mockReturnValue(0)
  const before = sockets.length
  last().end(4503)
  await tick(14_900)
  expect(sockets).toHaveLength(before)
  await tick(200)
  expect(sockets).toHaveLength(before + 1)
})

it('a socket that lasted begins with short pauses again, one that did not does not', async () => {
  const { last, sockets } = setUp()
  await tick()
  last().end(1006)
  await tick(1_000)
  last().ready()
  await tick(29_000)
  last().end(1006)
  await tick(1_900)
  expect(sockets).toHaveLength(2)
  await tick(100)
  expect(sockets).toHaveLength(3)
  last().ready()
  await tick(30_000)
  last().end(1006)
  await tick(1_000)
  expect(sockets).toHaveLength(4)
})

it('asks by requests while no socket can be opened, and no longer', async () => {
  const { last, asked, states } = setUp()
  await tick()
  last().end(1006)
  await tick()
  expect([asked.length, states.at(-1)]).toEqual([1, 'requests'])
  // Attempts go on: here after one and after two seconds.
  await tick(1_000)
  last().end(1006)
  await tick(2_000)
  await tick(ASK_EVERY - 3_000)
  expect(asked).toHaveLength(2)
  last().ready()
  await tick(4 * ASK_EVERY)
  expect([asked.length, states.at(-1)]).toEqual([2, 'live'])
})

it('asks on when asking fails, and where a policy forbids sockets', async () => {
  const ask = vi.fn().mockRejectedValue(new Error('away'))
  const open = vi.fn().mockImplementation(() => {
    throw new Error('forbidden')
  })
  setUp({ ask, open })
  await tick(3 * ASK_EVERY)
  expect(ask.mock.calls.length).toBeGreaterThanOrEqual(3)
})

it('an access token that cannot be had without a server is asked for again', async () => {
  const token = vi.fn().mockRejectedValueOnce(new Error('away')).mockResolvedValue('later')
  const { sockets, states } = setUp({ token })
  await tick()
  expect([sockets.length, states.at(-1)]).toEqual([0, 'requests'])
  await tick(1_000)
  expect(sockets).toHaveLength(1)
})

it('after 4401 it comes with a newer token at once; when that is refused, too, it takes its time', async () => {
  const { last, sockets, refused } = setUp()
  await tick()
  last().end(4401)
  await tick()
  expect([sockets.length, refused]).toEqual([2, [undefined, 'first']])
  last().end(4401)
  await tick()
  expect(sockets).toHaveLength(2)
  await tick(1_000)
  expect([sockets.length, refused]).toEqual([3, [undefined, 'first', 'first+']])
})

it('ends when nobody is signed in any more', async () => {
  const token = vi.fn().mockResolvedValueOnce('first').mockResolvedValue(undefined)
  const { last, ending, sockets } = setUp({ token })
  await tick()
  last().end(4401)
  expect(await ending).toBe('signed-out')
  expect(sockets).toHaveLength(1)
})

it.each([
  [4403, 'refused'],
  [4404, 'gone'],
  [4409, 'closed'],
] as const)('ends for good with %i', async (code, end) => {
  const { last, ending, sockets } = setUp()
  await tick()
  last().ready()
  last().end(code)
  expect(await ending).toBe(end)
  await tick(60_000)
  expect(sockets).toHaveLength(1)
})

it('after 4429 it comes back much later, and asks meanwhile', async () => {
  const { last, sockets, asked } = setUp()
  await tick()
  last().ready()
  last().end(4429)
  await tick(29_000)
  expect([sockets.length, asked.length]).toEqual([1, 6])
  await tick(1_000)
  expect(sockets).toHaveLength(2)
})

it.each([1003, 1009])(
  'after %i it asks by requests only: the next socket would end the same way',
  async (code) => {
    const { last, sockets, asked, states, stop, ending } = setUp()
    await tick()
    last().ready()
    last().end(code)
    await tick(10 * ASK_EVERY)
    expect([sockets.length, asked.length, states.at(-1)]).toEqual([1, 11, 'requests'])
    stop.abort()
    expect(await ending).toBe('left')
    await tick(ASK_EVERY)
    expect(asked).toHaveLength(11)
  },
)

it('a token that is not answered, and a socket that never opens, are not waited for', async () => {
  const { last, sockets } = setUp()
  await tick()
  const first = last()
  await tick(15_000)
  expect(first.closed).toBe(true)
  await tick(1_000)
  expect(sockets).toHaveLength(2)
})

it('is closed when its page is left, whenever that is', async () => {
  const before = setUp()
  before.stop.abort()
  expect(await before.ending).toBe('left')
  expect(before.sockets).toHaveLength(0)
  const live = setUp()
  await tick()
  live.last().ready()
  live.stop.abort()
  expect(live.last().closed).toBe(true)
  expect(await live.ending).toBe('left')
  const pausing = setUp()
  await tick()
  pausing.last().end(1001)
  await tick()
  pausing.stop.abort()
  expect(await pausing.ending).toBe('left')
  await tick(60_000)
  expect(pausing.sockets).toHaveLength(1)
})

it('comes back at once when there is a reason to', async () => {
  const { line, last, sockets } = setUp()
  await tick()
  last().ready()
  const first = last()
  line.renew()
  await tick(1_000)
  expect([first.closed, sockets.length]).toEqual([true, 2])
  last().end(4503)
  await tick()
  line.renew()
  await tick()
  expect(sockets).toHaveLength(3)
})

it('takes no notice of what it does not understand', async () => {
  const { last, heard, states } = setUp()
  await tick()
  last().ready()
  for (const bad of ['{', 'null', '7', '{"message":{}}']) last().tell(bad)
  expect([heard.length, states.at(-1)]).toEqual([1, 'live'])
})
