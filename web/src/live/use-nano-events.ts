import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { NanoEvent } from '../pipeline/steps'
import { tokens } from '../session/session'
import { follow } from './stream'

/** Events that come together cause one look at the nano. */
const GATHER_MS = 100

/** Follows what happens to a nano, from its beginning, and keeps what is known about it fresh. */
export function useNanoEvents(id: string): { events: NanoEvent[]; live: boolean } {
  const queries = useQueryClient()
  const [events, setEvents] = useState<NanoEvent[]>([])
  const [live, setLive] = useState(false)
  useEffect(() => {
    const stop = new AbortController()
    let look: ReturnType<typeof setTimeout> | undefined
    setEvents([])
    void follow({
      url: `/api/v1/nanos/${id}/events`,
      token: (refused) => (refused ? tokens.replace(refused) : tokens.get()),
      onEvent: ({ data }) => {
        const event = JSON.parse(data) as NanoEvent
        setEvents((before) => [...before, event])
        clearTimeout(look)
        look = setTimeout(() => void queries.invalidateQueries({ queryKey: ['nano', id] }), GATHER_MS)
      },
      onLive: setLive,
      signal: stop.signal,
    })
    return () => {
      stop.abort()
      clearTimeout(look)
    }
  }, [id, queries])
  return { events, live }
}
