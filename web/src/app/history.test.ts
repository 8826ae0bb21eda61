import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { answer, markClean, markDirty, useLeaving } from '../drafts/guard'
import { History, type Action, type Browser } from './history'

/** A browser's history, whose steps back and forth take a moment. */
function someBrowser(start = 'https://nano.example/') {
  const entries: { state: unknown; url: string }[] = [{ state: null, url: start }]
  let at = 0
  let pop = () => {}
  const url = () => new URL(entries[at]?.url ?? start)
  const browser = {
    get location() {
      return url()
    },
    history: {
      get state() {
        return entries[at]?.state
      },
      pushState: (state: unknown, _: string, to: string | URL) => {
        entries.splice((at += 1), Infinity, { state, url: String(to) })
      },
      replaceState: (state: unknown, _: string, to: string | URL = url()) => {
        entries[at] = { state, url: String(to) }
      },
      go: (delta: number) => {
        setTimeout(() => {
          at += delta
          pop()
        })
      },
    },
    addEventListener: (_: string, listener: () => void) => (pop = listener),
  }
  return { browser: browser as unknown as Browser, go: browser.history.go }
}

const steps: [string, Action][] = []
const tick = () => new Promise((resolve) => setTimeout(resolve, 5))

function setUp() {
  const { browser, go } = someBrowser()
  const history = new History(browser)
  history.listen(({ pathname, search }, action) => steps.push([pathname + search, action]))
  return { history, go, browser }
}

beforeEach(() => {
  steps.length = 0
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
})

afterEach(() => {
  markClean('form')
  useLeaving.setState({ leaving: undefined })
  vi.unstubAllGlobals()
})

const asks = () => useLeaving.getState().leaving !== undefined

it('tells where the person is, and how they got there', async () => {
  const { history, go } = setUp()
  history.push('/studio', { stay: true })
  expect(history.place).toMatchObject({ pathname: '/studio', search: '', state: { stay: true } })
  history.replace('?page=2')
  go(-1)
  await tick()
  expect(steps).toEqual([
    ['/studio', 'push'],
    ['/studio?page=2', 'replace'],
    ['/', 'pop'],
  ])
})

it('asks before a page with unsent text is left by a link, but not for another query', () => {
  const { history } = setUp()
  history.push('/studio/new')
  markDirty('form', () => {})
  history.push('?step=2')
  expect(asks()).toBe(false)
  history.push('/studio')
  expect([asks(), history.place.pathname]).toEqual([true, '/studio/new'])
  answer('stay')
  expect(history.place.pathname).toBe('/studio/new')
  history.replace('/studio')
  answer('keep')
  expect(history.place.pathname).toBe('/studio')
})

it('asks before going back leaves it, and goes where the person wanted', async () => {
  const { history, go } = setUp()
  history.push('/studio')
  history.push('/studio/new')
  markDirty('form', () => {})
  go(-2)
  await tick()
  expect([asks(), history.place.pathname]).toEqual([true, '/studio/new'])
  answer('stay')
  await tick()
  expect(steps.at(-1)).toEqual(['/studio/new', 'push'])
  go(-2)
  await tick()
  answer('keep')
  await tick()
  expect([asks(), steps.at(-1)]).toEqual([false, ['/', 'pop']])
  go(2)
  await tick()
  expect(steps.at(-1)).toEqual(['/studio/new', 'pop'])
})

it('goes on after a link within the page, which made an entry of its own', async () => {
  const { history, go, browser } = setUp()
  history.push('/studio')
  browser.history.pushState(null, '', 'https://nano.example/studio#main')
  go(0)
  await tick()
  expect(history.place).toMatchObject({ pathname: '/studio', hash: '#main' })
  go(-2)
  await tick()
  expect(steps.at(-1)).toEqual(['/', 'pop'])
})
