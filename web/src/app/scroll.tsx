import { useEffect, useLayoutEffect } from 'react'
import { useAction, useLocation } from './navigation'

const KEY = 'nano.scroll'

/** How far each page of this tab was scrolled, by its place in the history. */
const kept = new Map<string, number>()

try {
  const before = JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as [string, number][]
  for (const [key, top] of before) kept.set(key, top)
} catch {
  // Forbidden, or not ours: pages begin at their tops.
}

/** A new page begins at its top; going back finds a page where it was left. */
export function Scrolling() {
  const { key, hash, state } = useLocation()
  const action = useAction()
  useEffect(() => {
    history.scrollRestoration = 'manual'
    const keep = () => {
      history.scrollRestoration = 'auto'
      sessionStorage.setItem(KEY, JSON.stringify([...kept].slice(-50)))
    }
    addEventListener('pagehide', keep)
    return () => removeEventListener('pagehide', keep)
  }, [])
  useLayoutEffect(() => {
    const stay = (state as { stay?: boolean } | null)?.stay
    if (action === 'pop') scrollTo(0, kept.get(key) ?? scrollY)
    else if (!stay && !hash) scrollTo(0, 0)
    const note = () => kept.set(key, scrollY)
    addEventListener('scroll', note, { passive: true })
    return () => removeEventListener('scroll', note)
  }, [key, hash, state, action])
  return null
}
