import type { QueryClient } from '@tanstack/react-query'
import { create } from 'zustand'
import { merge, type NanoEvent } from '../pipeline/events'
import { personal } from './personal'
import type { ServerEvent } from './sse'

/** What happened to one of the person's own nanos. */
export interface OwnEvent extends NanoEvent {
  nano_id: string
}

/** Events that come together cause one look at what they are about. */
const GATHER_MS = 100
/** Of a nano that nothing was told of; always the same one. */
const NOTHING: NanoEvent[] = []

const read = ({ data }: ServerEvent) => JSON.parse(data) as OwnEvent

/** Which event it is: the ids of this stream are times, which two nanos may share, and it tells the last ones again. */
export function placeOf(event: ServerEvent): string {
  const { nano_id, seq } = read(event)
  return `${nano_id} ${seq}`
}

/** What was told of each nano, with this added. */
export function remember(
  before: Readonly<Record<string, NanoEvent[]>>,
  fresh: readonly OwnEvent[],
): Record<string, NanoEvent[]> {
  const after = { ...before }
  for (const event of fresh) after[event.nano_id] = merge(after[event.nano_id] ?? [], [event])
  return after
}

const useTold = create<Record<string, NanoEvent[]>>(() => ({}))

const changed = new Set<string>()
let look: ReturnType<typeof setTimeout> | undefined

function take(queries: QueryClient, told: ServerEvent[]) {
  const fresh = told.map(read)
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
