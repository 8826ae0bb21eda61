import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { create } from 'zustand'
import { tokens } from '../session/session'
import { useSession } from '../session/store'
import { share } from './shared'
import type { ServerEvent } from './sse'
import { follow } from './stream'
import { useVisible } from './use-visible'

/** Going from one page to the next ends no stream. */
const LINGER_MS = 3_000

/** Follows an event stream of the API as the signed-in person. */
export const followAs =
  (path: string) =>
  (how: Omit<Parameters<typeof follow>[0], 'url' | 'token'>): Promise<void> =>
    follow({
      ...how,
      url: `/api/v1${path}`,
      token: (refused) => (refused ? tokens.replace(refused) : tokens.get()),
    })

interface Personal {
  /** Tabs share it by its name. */
  name: string
  path: string
  /** What is told to a tab that comes later: see `share`. */
  keep: (event: ServerEvent) => string
  take: (queries: QueryClient, events: ServerEvent[]) => void
  /** Somebody else may be at this browser: what was told is forgotten. */
  forget?: () => void
}

/**
 * A stream of the signed-in person: one for whatever follows it in all tabs, and none while nothing does. `useFollow` follows
 * it while it is wanted and the tab is seen; `useLive` says whether events come as they happen.
 */
export function personal({ name, path, keep, take, forget }: Personal) {
  const useState = create<{ live: boolean }>(() => ({ live: false }))
  let readers = 0
  let stream: AbortController | undefined
  let lingering: ReturnType<typeof setTimeout> | undefined

  function end() {
    clearTimeout(lingering)
    stream?.abort()
    stream = undefined
    useState.setState({ live: false })
  }

  function begin(queries: QueryClient) {
    const stop = new AbortController()
    stream = stop
    share({
      name,
      keep,
      follow: followAs(path),
      onEvents: (events) => {
        if (!stop.signal.aborted) take(queries, events)
      },
      onLive: (live) => {
        if (stream === stop) useState.setState({ live })
      },
      signal: stop.signal,
    }).catch(() => end())
  }

  // What one person may see is not told to the next.
  useSession.subscribe((now, before) => {
    if (now.me?.id === before.me?.id) return
    end()
    forget?.()
  })

  function useFollow(wanted = true) {
    const queries = useQueryClient()
    const visible = useVisible()
    const person = useSession(({ me, ended }) => (ended ? undefined : me?.id))
    useEffect(() => {
      if (!wanted || !visible || !person) return
      readers += 1
      clearTimeout(lingering)
      if (!stream) begin(queries)
      return () => {
        readers -= 1
        if (readers === 0) lingering = setTimeout(end, LINGER_MS)
      }
    }, [queries, wanted, visible, person])
  }

  return { useFollow, useLive: () => useState(({ live }) => live) }
}
