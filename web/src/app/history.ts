import { isDirty, leaveBy } from '../drafts/guard'

/** Where the person is: an address, and this visit to it. */
export interface Place {
  pathname: string
  /** With its question mark; empty without a query. */
  search: string
  /** With its sign; empty without one. */
  hash: string
  /** What came along with the step that led here. */
  state: unknown
  /** Of this entry of the history. */
  key: string
}

/** How the person got here: by a step ahead, in place of another page, or by the browser's own buttons. */
export type Action = 'push' | 'replace' | 'pop'

/** Ours in the browser's entries. */
interface Entry {
  state: unknown
  key: string
  index: number
}

type Listener = (place: Place, action: Action) => void

/** What of a window it needs. */
export type Browser = Pick<Window, 'location' | 'history' | 'addEventListener'>

/** A change of the address that leaves the reader where they are on the page. */
export const STAY = { state: { stay: true } }

/**
 * The browser's history, which asks before a page with unsent text is left: by a link, by the program or by going back.
 * Changes of the query alone leave no page.
 */
export class History {
  #browser: Browser
  #listener: Listener | undefined
  #index: number
  place: Place
  /** A step of our own, which is not asked about. */
  #own: 'undo' | 'redo' | undefined

  constructor(browser: Browser = window) {
    this.#browser = browser
    const entry = this.#entry()
    this.#index = entry?.index ?? 0
    // Whoever came from another site, or has just opened the tab.
    if (!entry) this.#mark({ state: null, key: newKey(), index: 0 })
    this.place = this.#look()
    browser.addEventListener('popstate', () => this.#popped())
  }

  /** There is one listener: the router. */
  listen(listener: Listener) {
    this.#listener = listener
    return () => {
      this.#listener = undefined
    }
  }

  push(to: string, state: unknown = null) {
    const url = this.#resolve(to)
    this.#unlessDirty(url, () => {
      const entry: Entry = { state, key: newKey(), index: this.#index + 1 }
      this.#browser.history.pushState(entry, '', url)
      this.#arrive('push')
    })
  }

  replace(to: string, state: unknown = null) {
    const url = this.#resolve(to)
    this.#unlessDirty(url, () => {
      const entry: Entry = { state, key: newKey(), index: this.#index }
      this.#browser.history.replaceState(entry, '', url)
      this.#arrive('replace')
    })
  }

  go(delta: number) {
    this.#browser.history.go(delta)
  }

  #unlessDirty(url: URL, go: () => void) {
    if (url.pathname !== this.place.pathname && isDirty()) leaveBy(go)
    else go()
  }

  #popped() {
    const own = this.#own
    this.#own = undefined
    if (own === 'undo') return
    // A link within the page has made an entry of its own.
    if (!this.#entry()) this.#mark({ state: null, key: newKey(), index: this.#index + 1 })
    const delta = (this.#entry()?.index ?? 0) - this.#index
    const leaves = this.#browser.location.pathname !== this.place.pathname
    if (own !== 'redo' && delta !== 0 && leaves && isDirty()) {
      this.#own = 'undo'
      this.go(-delta)
      leaveBy(() => {
        this.#own = 'redo'
        this.go(delta)
      })
      return
    }
    this.#arrive('pop')
  }

  #arrive(action: Action) {
    this.#index = this.#entry()?.index ?? 0
    this.place = this.#look()
    this.#listener?.(this.place, action)
  }

  #resolve(to: string) {
    return new URL(to, this.#browser.location.href)
  }

  #entry(): Entry | undefined {
    const entry = this.#browser.history.state as Partial<Entry> | null
    return typeof entry?.index === 'number' ? (entry as Entry) : undefined
  }

  #mark(entry: Entry) {
    this.#browser.history.replaceState(entry, '')
  }

  #look(): Place {
    const { pathname, search, hash } = this.#browser.location
    const entry = this.#entry()
    return { pathname, search, hash, state: entry?.state ?? null, key: entry?.key ?? '' }
  }
}

const newKey = () => Math.random().toString(36).slice(2, 10)
