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
