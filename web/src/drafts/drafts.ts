/** What people have typed and not sent yet, kept in this browser: a reload, a crash or a sign-in loses none of it. */

const PREFIX = 'nano.draft.'
/** Nobody comes back to a form after that. */
export const KEPT_MS = 30 * 24 * 60 * 60 * 1000

export interface Draft<T> {
  values: T
  /** When it was last typed in, in ms. */
  at: number
}

/** Each person's drafts are their own. */
const address = (person: string, name: string) => `${PREFIX}${person}.${name}`

export function keepDraft(person: string, name: string, values: unknown, now = Date.now()) {
  try {
    localStorage.setItem(address(person, name), JSON.stringify({ values, at: now }))
  } catch {
    // Full, or forbidden by the browser: the page still has the text.
  }
}

export function keptDraft<T>(person: string, name: string, now = Date.now()): Draft<T> | undefined {
  try {
    const { values, at } = JSON.parse(localStorage.getItem(address(person, name)) ?? '{}') as Partial<
      Draft<T>
    >
    if (values === undefined || typeof at !== 'number' || at + KEPT_MS <= now) return undefined
    return { values, at }
  } catch {
    return undefined
  }
}

export function dropDraft(person: string, name: string) {
  localStorage.removeItem(address(person, name))
}

/** Of everybody: who signs out leaves nothing behind. */
export function forgetDrafts() {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key)
}
