import type { QueryClient } from '@tanstack/react-query'
import { create } from 'zustand'
import { placeOf, readOwn, remember, type NanoEvent } from '../pipeline/events'
import { personal } from './personal'
import type { ServerEvent } from './sse'

/** Events that come together cause one look at what they are about. */
const GATHER_MS = 100
/** Of a nano that nothing was told of; always the same one. */
const NOTHING: NanoEvent[] = []

const useTold = create<Record<string, NanoEvent[]>>(() => ({}))

const changed = new Set<string>()
let look: ReturnType<typeof setTimeout> | undefined

function take(queries: QueryClient, told: ServerEvent[]) {
  const fresh = told.map(readOwn)
  useTold.setState((before) => remember(before, fresh))
  for (const { nano_id } of fresh) changed.add(nano_id)
  clearTimeout(look)
  look = setTimeout(() => {
    for (const id of changed) void queries.invalidateQueries({ queryKey: ['nano', id] })
    changed.clear()
    void queries.invalidateQueries({ queryKey: ['mine'] })
  }, GATHER_MS)
}

/**
 * While something of the person's own moves and the tab is seen: one stream of all their nanos' events for all tabs, which keeps
 * what is known about these nanos fresh.
 */
export const { useFollow: useOwnEvents, useLive: useOwnLive } = personal({
  name: 'own.events',
  path: '/me/events',
  keep: placeOf,
  take,
  forget: () => useTold.setState({}, true),
})

/** What was told of a nano. */
export const useToldOf = (id: string) => useTold((told) => told[id] ?? NOTHING)
