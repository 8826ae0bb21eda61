import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { NanoEvent } from '../pipeline/steps'
import { tokens } from '../session/session'
import { useSession } from '../session/store'
import { share } from './shared'
import { follow } from './stream'
import { useVisible } from './use-visible'

/** Events that come together cause one look at the nano. */
const GATHER_MS = 100
/** Of a nano at rest the past is read, and nothing waited for: a stream that is silent for so long has told it. */
const SILENCE_MS = 1_500

/**
 * What happened to a nano, from its beginning. While it is `moving` and the tab is seen, events come as they happen, and
 * what is known about the nano is kept fresh.
 */
export function useNanoEvents(id: string, moving: boolean): { events: NanoEvent[]; live: boolean } {
  const queries = useQueryClient()
  const [told, setTold] = useState<{ id: string; events: NanoEvent[] }>({ id, events: [] })
  const [live, setLive] = useState(false)
  const visible = useVisible()
  const ended = useSession((session) => session.ended)
  useEffect(() => {
    if (!visible || ended) return
    const stop = new AbortController()
    let look: ReturnType<typeof setTimeout> | undefined
    let silence: ReturnType<typeof setTimeout> | undefined
    const rest = () => {
      clearTimeout(silence)
      if (!moving) silence = setTimeout(() => stop.abort(), SILENCE_MS)
    }
    share({
      name: `nano.events.${id}`,
      follow: (how) =>
        follow({
          ...how,
          url: `/api/v1/nanos/${id}/events`,
          token: (refused) => (refused ? tokens.replace(refused) : tokens.get()),
        }),
      onEvents: (fresh) => {
        rest()
        const events = fresh.map(({ data }) => JSON.parse(data) as NanoEvent)
        setTold((before) => ({ id, events: merge(before.id === id ? before.events : [], events) }))
        clearTimeout(look)
        if (moving)
          look = setTimeout(() => void queries.invalidateQueries({ queryKey: ['nano', id] }), GATHER_MS)
      },
      onLive: (live) => {
        setLive(live)
        if (live) rest()
      },
      signal: stop.signal,
    }).catch(() => setLive(false))
    return () => {
      stop.abort()
      clearTimeout(look)
      clearTimeout(silence)
    }
  }, [id, moving, visible, ended, queries])
  return { events: told.id === id ? told.events : [], live }
}

/** In their order, each once: a stream that begins anew tells the past again. */
function merge(before: NanoEvent[], fresh: NanoEvent[]): NanoEvent[] {
  const all = new Map([...before, ...fresh].map((event) => [event.seq, event]))
  return [...all.values()].sort((a, b) => a.seq - b.seq)
}
