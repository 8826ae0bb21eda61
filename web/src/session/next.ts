/** Where to go after signing in: a place on this site, else the first page. Never another site. */
export function inside(next: string | null): string {
  // A backslash counts as a slash in addresses, and two slashes begin a host.
  return next && /^\/(?![/\\])/.test(next) ? next : '/'
}

/** A page on the way to signing in, which leads on to `next`. */
export function onTheWay(page: string, next: string | null): string {
  return next && inside(next) !== '/' ? `${page}?next=${encodeURIComponent(next)}` : page
}

const KEY = 'nano.next'
/** As long as a link in a mail is good. */
const KEPT_MS = 24 * 60 * 60 * 1000

/** Before the way leads through a mail, whose link opens in another tab and knows nothing of `next`. */
export function keepNext(next: string | null) {
  if (!next || inside(next) === '/') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, JSON.stringify({ next, until: Date.now() + KEPT_MS }))
}

/** What was kept, in this browser and not too long ago. */
export function keptNext(): string | null {
  try {
    const { next, until } = JSON.parse(localStorage.getItem(KEY) ?? '{}') as {
      next?: unknown
      until?: unknown
    }
    return typeof next === 'string' && typeof until === 'number' && until > Date.now() ? next : null
  } catch {
    return null
  }
}
