/** One event of a stream (HTML Standard, "Server-sent events"). */
export interface ServerEvent {
  /** `message` unless named. */
  type: string
  data: string
  /** Of this event, or of the last one before it that had one. */
  id: string
}

/**
 * Reads an event stream from text in pieces of any size. Comments and unknown fields are ignored; an event that was
 * begun but not ended by a blank line never happened.
 */
export class EventParser {
  /** The last id that came; what a later connection resumes after. */
  lastEventId = ''
  /** The pause before reconnecting that the server asked for, in milliseconds. */
  retry: number | undefined
  #onEvent: (event: ServerEvent) => void
  #line = ''
  #begun = false
  /** The last piece ended in CR: a LF that follows belongs to it. */
  #afterCr = false
  #type = ''
  #data: string[] = []
  #id: string | undefined

  constructor(onEvent: (event: ServerEvent) => void) {
    this.#onEvent = onEvent
  }

  push(text: string) {
    if (text === '') return
    if (!this.#begun) {
      this.#begun = true
      if (text.startsWith('\u{feff}')) text = text.slice(1)
    }
    if (this.#afterCr && text.startsWith('\n')) text = text.slice(1)
    this.#afterCr = text.endsWith('\r')
    const lines = (this.#line + text).split(/\r\n|\r|\n/)
    this.#line = lines.pop() ?? ''
    for (const line of lines) this.#read(line)
  }

  /** The connection is over; what was not ended is dropped. */
  reset() {
    this.#line = ''
    this.#begun = false
    this.#afterCr = false
    this.#type = ''
    this.#data = []
    this.#id = undefined
  }

  #read(line: string) {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#type = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value)
  }

  #dispatch() {
    if (this.#id !== undefined) this.lastEventId = this.#id
    const event = { type: this.#type || 'message', data: this.#data.join('\n'), id: this.lastEventId }
    const empty = this.#data.length === 0
    this.#type = ''
    this.#data = []
    this.#id = undefined
    if (!empty) this.#onEvent(event)
  }
}
