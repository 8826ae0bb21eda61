import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { merge, type NanoEvent } from '../pipeline/events'
import { useSession } from '../session/store'
import { useOwnEvents, useOwnLive, useToldOf } from './own-events'
import { followAs } from './personal'
import { share } from './shared'
import { useVisible } from './use-visible'

/** Events that come together cause one look at the nano. */
const GATHER_MS = 100
/** Of a nano at rest the past is read, and nothing waited for: a stream that is silent for so long has told it. */
const SILENCE_MS = 1_500

interface Standing {
  /** Something of it may still happen by itself. */
  moving: boolean
  /** It belongs to who looks at it: what happens to it comes with what happens to all that is theirs. */
  own: boolean
}

/**
 * What happened to a nano, from its beginning. While it is `moving` and the tab is seen, events come as they happen, and
 * what is known about the nano is kept fresh.
 */
export function useNanoEvents(id: string, { moving, own }: Standing): { events: NanoEvent[]; live: boolean } {
  useOwnEvents(own && moving)
  const told = useToldOf(id)
  const ownLive = useOwnLive()
  const { events: past, live } = useOneStream(id, moving, !(own && moving))
  const events = useMemo(() => merge(past, told), [past, told])
  return { events, live: own ? ownLive : live }
}

/** The stream of one nano: of one at rest its past, and of one that is somebody else's what happens. */
function useOneStream(id: string, moving: boolean, wanted: boolean): { events: NanoEvent[]; live: boolean } {
  const queries = useQueryClient()
  const [told, setTold] = useState<{ id: string; events: NanoEvent[] }>({ id, events: [] })
  const [live, setLive] = useState(false)
  const visible = useVisible()
  const ended = useSession((session) => session.ended)
  useEffect(() => {
    if (!wanted || !visible || ended) return
    const stop = new AbortController()
    let look: ReturnType<typeof setTimeout> | undefined
    let silence: ReturnType<typeof setTimeout> | undefined
    const rest = () => {
      clearTimeout(silence)
      if (!moving) silence = setTimeout(() => stop.abort(), SILENCE_MS)
    }
    share({
      name: `nano.events.${id}`,
      follow: followAs(`/nanos/${id}/events`),
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
  }, [id, moving, wanted, visible, ended, queries])
  return { events: told.id === id ? told.events : NOTHING, live }
}

const NOTHING: NanoEvent[] = []
