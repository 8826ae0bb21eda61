import { describe, expect, it } from 'vitest'
import { EventParser, type ServerEvent } from './sse'

function parse(...pieces: string[]) {
  const events: ServerEvent[] = []
  const parser = new EventParser((event) => events.push(event))
  for (const piece of pieces) parser.push(piece)
  return { parser, events }
}

const STREAM =
  '\u{feff}retry: 2000\r\n: events\r\n\r\nid: 7\revent: validated\rdata: {"a":1}\r\rdata:x\ndata:  y\n\nid\ndata\n\n'

const EVENTS = [
  { type: 'validated', data: '{"a":1}', id: '7' },
  { type: 'message', data: 'x\n y', id: '7' },
  { type: 'message', data: '', id: '' },
]

describe('EventParser', () => {
  it('reads fields, line ends of all kinds, comments and a byte order mark', () => {
    const { parser, events } = parse(STREAM)
    expect(events).toEqual(EVENTS)
    expect(parser.retry).toBe(2000)
    expect(parser.lastEventId).toBe('')
  })

  it('reads the same from pieces of any size', () => {
    for (let size = 1; size < STREAM.length; size += 1) {
      const pieces = STREAM.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? []
      expect(parse(...pieces).events, `pieces of ${size}`).toEqual(EVENTS)
    }
  })

  it('keeps the last id across events that have none', () => {
    const { parser, events } = parse('id: 3\ndata: a\n\ndata: b\n\n')
    expect(events).toHaveLength(2)
    expect(parser.lastEventId).toBe('3')
  })

  it('does not resume after an event that never ended', () => {
    const { parser, events } = parse('id: 3\ndata: a\n\nid: 4\ndata: b\n')
    parser.reset()
    parser.push('data: c\n\n')
    expect(events.map((event) => event.data)).toEqual(['a', 'c'])
    expect(parser.lastEventId).toBe('3')
  })

  it('ignores ids with a null, waits that are no number, and unknown fields', () => {
    const { parser, events } = parse('id: 1\0\nretry: soon\ncolour: red\ndata: a\n\n')
    expect(events).toEqual([{ type: 'message', data: 'a', id: '' }])
    expect([parser.lastEventId, parser.retry]).toEqual(['', undefined])
  })
})
