import type { Group, Queue, Queues, Worker } from './api'

/** What the operator should know first. */
export interface Verdict {
  tone: 'good' | 'warn' | 'bad'
  kind: 'paused' | 'no-workers' | 'unserved' | 'behind' | 'queues-paused' | 'given-up' | 'fine'
  /** Of those that it is about, the worst first. */
  queues: Queue[]
  /** Jobs that are ready and wait, in these queues or in all. */
  waiting: number
  /** Since when the oldest of them could run. */
  since?: string
  /** Jobs that end in a minute, in these queues. */
  perMinute: number
  /** Until what waits is done at this pace, if it ever is. */
  minutes?: number
  /** Jobs that were given up and are still, and their causes. */
  open: number
  causes: number
}

/** Nobody minds what waits for less. */
const ON_TIME_MS = 60_000
/** A worker that did not say that it lives for so long is not counted. */
const SILENT_MS = 15_000

export const waitingIn = (queue: Queue) => queue.counts.available?.count ?? 0

export const ageOf = (queue: Queue, now: number) =>
  queue.oldest_available_at ? Math.max(0, now - Date.parse(queue.oldest_available_at)) : 0

export const openOf = (groups: readonly Group[]) => groups.reduce((sum, { open }) => sum + open.count, 0)

export const isAlive = ({ state, seen_at }: Worker, now: number) =>
  (state === 'alive' || state === 'draining') && now - Date.parse(seen_at) < SILENT_MS

/** How everything is, as one thing to say: the worst there is. */
export function health(
  { paused, queues }: Queues,
  workers: readonly Worker[],
  groups: readonly Group[],
  now: number,
): Verdict {
  const going = queues.filter((queue) => !queue.paused)
  const open = openOf(groups)
  const causes = groups.filter((group) => group.open.count > 0).length
  const verdict = (tone: Verdict['tone'], kind: Verdict['kind'], about: Queue[]): Verdict => {
    const worst = [...about].sort((one, other) => ageOf(other, now) - ageOf(one, now))
    const waiting = (about.length > 0 ? about : queues).reduce((sum, queue) => sum + waitingIn(queue), 0)
    const perMinute = about.reduce((sum, queue) => sum + queue.completed_per_minute, 0)
    const since = worst[0]?.oldest_available_at ?? undefined
    return {
      tone,
      kind,
      queues: worst,
      waiting,
      since,
      perMinute,
      minutes: perMinute > 0 ? Math.ceil(waiting / perMinute) : undefined,
      open,
      causes,
    }
  }
  if (paused) return verdict('bad', 'paused', [])
  const alive = workers.filter((worker) => isAlive(worker, now))
  if (alive.length === 0) return verdict('bad', 'no-workers', [])
  const unserved = going.filter(
    (queue) => waitingIn(queue) > 0 && !alive.some((worker) => worker.queues.includes(queue.name)),
  )
  if (unserved.length > 0) return verdict('bad', 'unserved', unserved)
  const behind = going.filter((queue) => ageOf(queue, now) > ON_TIME_MS)
  if (behind.length > 0) return verdict('warn', 'behind', behind)
  const held = queues.filter((queue) => queue.paused)
  if (held.length > 0) return verdict('warn', 'queues-paused', held)
  if (open > 0) return verdict('warn', 'given-up', [])
  return verdict('good', 'fine', [])
}
