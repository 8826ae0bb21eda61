import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { follow } from './stream'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let stop: () => void = () => {}
afterEach(() => stop())

/** A server that gives one answer after the other, and the last one again and again. */
async function serve(...answers: Answer[]) {
  const asked: { token?: string; lastEventId?: string }[] = []
  const server = createServer((request, response) => {
    const { authorization, 'last-event-id': id } = request.headers
    asked.push({ token: authorization, lastEventId: id as string | undefined })
    answers[Math.min(asked.length, answers.length) - 1]?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

const events =
  (text: string, end: 'end' | 'break' | 'stay'): Answer =>
  (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write(text, () => {
      if (end === 'end') response.end()
      if (end === 'break') response.destroy()
    })
  }

const status =
  (code: number): Answer =>
  (_, response) => {
    response.writeHead(code).end()
  }

const tokens = (refused?: string): Promise<string | undefined> => Promise.resolve(refused ? 'b' : 'a')

async function collect(url: string, until: string, token = tokens) {
  const seen: string[] = []
  const live: boolean[] = []
  const abort = new AbortController()
  await follow({
    url,
    token,
    onEvent: ({ data }) => {
      seen.push(data)
      if (data === until) abort.abort()
    },
    onLive: (now) => live.push(now),
    signal: abort.signal,
  })
  return { seen, live }
}

describe('follow', () => {
  it('resumes after the last event when the connection breaks, without repeats', async () => {
    const { asked, url } = await serve(
      events('retry: 5\n\nid: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: thr', 'break'),
      events('id: 3\ndata: three\n\n', 'stay'),
    )
    const { seen, live } = await collect(url, 'three')
    expect(seen).toEqual(['one', 'two', 'three'])
    expect(asked.map((request) => request.lastEventId)).toEqual([undefined, '2'])
    expect(live).toEqual([true, false, true, false])
  })

  it('comes back when the server ends the stream or is away', async () => {
    const { asked, url } = await serve(
      events('id: 1\ndata: one\n\n', 'end'),
      status(503),
      events('data: two\n\n', 'stay'),
    )
    const { seen } = await collect(url, 'two')
    expect(seen).toEqual(['one', 'two'])
    expect(asked).toHaveLength(3)
  })

  it('replaces a refused token once', async () => {
    const { asked, url } = await serve(status(401), events('data: one\n\n', 'stay'))
    const { seen } = await collect(url, 'one')
    expect(seen).toEqual(['one'])
    expect(asked.map((request) => request.token)).toEqual(['Bearer a', 'Bearer b'])
  })

  it('gives up when the right to read is gone', async () => {
    const refused = await serve(status(401))
    await collect(refused.url, '')
    expect(refused.asked).toHaveLength(2)
    stop()
    const gone = await serve(status(404))
    await collect(gone.url, '')
    expect(gone.asked).toHaveLength(1)
    await collect(gone.url, '', () => Promise.resolve(undefined))
    expect(gone.asked).toHaveLength(1)
  })
})
