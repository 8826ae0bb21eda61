import type { ServerEvent } from './sse'

/** What one tab tells the others that show the same. */
type Message =
  /** Somebody new: what was there so far? */
  { kind: 'hello' } | { kind: 'events'; events: ServerEvent[] } | { kind: 'live'; live: boolean }

/** Follows the stream from after an event to the end of the signal. */
export type Follow = (how: {
  after: string
  onEvent: (event: ServerEvent) => void
  onLive: (live: boolean) => void
  signal: AbortSignal
}) => Promise<void>

export interface Shared {
  /** Of the stream: tabs that say the same share it. */
  name: string
  follow: Follow
  /** Each event once and in their order, whichever tab has read it. */
  onEvents: (events: ServerEvent[]) => void
  onLive: (live: boolean) => void
  /** Of events with the same name only the newest is worth telling whoever comes later; by default each is. */
  keep?: (event: ServerEvent) => string
  signal: AbortSignal
  /** Absent outside of secure contexts: then each tab follows for itself. */
  locks?: Pick<LockManager, 'request'>
  channel?: (name: string) => BroadcastChannel
}

/**
 * One stream for all tabs that want it: browsers have six connections to a host, and a stream in each tab would take them
 * all. One tab leads: it reads and tells the others. When it closes, or does not want the stream any more, the next one goes
 * on after the last event.
 */
export async function share({
  name,
  follow,
  onEvents,
  onLive,
  keep = ({ id }) => id,
  signal,
  locks = navigator.locks,
  channel = (name) => new BroadcastChannel(name),
}: Shared): Promise<void> {
  const others = channel(name)
  const seen = new Map<string, ServerEvent>()
  let leads = false
  let live = false
  const take = (events: ServerEvent[]) => {
    const news = events.filter((event) => seen.get(keep(event))?.id !== event.id)
    for (const event of news) {
      // The newest last: where the next one goes on.
      seen.delete(keep(event))
      seen.set(keep(event), event)
    }
    if (news.length > 0) onEvents(news)
    return news
  }
  const tell = (message: Message) => others.postMessage(message)
  others.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === 'events') take(data.events)
    else if (data.kind === 'live') onLive(data.live)
    else if (leads) {
      tell({ kind: 'events', events: [...seen.values()] })
      tell({ kind: 'live', live })
    }
  }
  const lead = async () => {
    leads = true
    await follow({
      after: [...seen.values()].at(-1)?.id ?? '',
      onEvent: (event) => {
        const events = take([event])
        if (events.length > 0) tell({ kind: 'events', events })
      },
      onLive: (now) => {
        live = now
        onLive(live)
        tell({ kind: 'live', live })
      },
      signal,
    })
    leads = false
  }
  tell({ kind: 'hello' })
  try {
    await (locks ? locks.request(name, { signal }, lead) : lead())
  } catch (error) {
    // Nobody wants it any more, before it was this tab's turn.
    if (!signal.aborted) throw error
  } finally {
    onLive(false)
    others.close()
  }
}
