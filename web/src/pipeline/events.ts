import type { ServerEvent } from '../live/sse'

/** What happened to a nano, as event streams tell it. */
export interface NanoEvent {
  seq: number
  kind: string
  data: { version_id?: string; by?: string; reason?: string }
  created_at: string
}

/** In their order, each once: a stream that begins anew tells the past again. */
export function merge(before: readonly NanoEvent[], fresh: readonly NanoEvent[]): NanoEvent[] {
  const all = new Map([...before, ...fresh].map((event) => [event.seq, event]))
  return [...all.values()].sort((a, b) => a.seq - b.seq)
}

/** What happened to one of the person's own nanos. */
export interface OwnEvent extends NanoEvent {
  nano_id: string
}

export const readOwn = ({ data }: ServerEvent) => JSON.parse(data) as OwnEvent

/** Which event it is: the ids of that stream are times, which two nanos may share, and it tells the last ones again. */
export function placeOf(event: ServerEvent): string {
  const { nano_id, seq } = readOwn(event)
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
