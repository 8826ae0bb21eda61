import { useSyncExternalStore } from 'react'

export const SCHEMES = ['system', 'light', 'dark'] as const
export type Scheme = (typeof SCHEMES)[number]

/** `public/first.js` reads it before the first paint. */
const KEY = 'nano.theme'

const listeners = new Set<() => void>()

const known = (value: string | null): Scheme => SCHEMES.find((scheme) => scheme === value) ?? 'system'

export const scheme = (): Scheme => known(localStorage.getItem(KEY))

function apply() {
  const chosen = scheme()
  if (chosen === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
  for (const tell of listeners) tell()
}

/** Light or dark as the system has it, or as the person wants it here. */
export function setScheme(chosen: Scheme) {
  if (chosen === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, chosen)
  apply()
}

/** A choice in another tab counts here, too. */
export function followScheme() {
  apply()
  addEventListener('storage', (event) => event.key === KEY && apply())
}

export function useScheme(): Scheme {
  return useSyncExternalStore((tell) => {
    listeners.add(tell)
    return () => listeners.delete(tell)
  }, scheme)
}
