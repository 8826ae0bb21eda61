import { ended } from './actions'
import type { Attempt, Job, JobState } from './api'

/** A stretch of a job's time, in ms of the clock. */
export interface Stretch {
  from: number
  to: number
  what: 'wait' | 'done' | 'failed' | 'running'
}

const at = (time: string | null | undefined) => (time ? Date.parse(time) : undefined)

/** How a run went by what the API calls its outcome; a run without one is a plain success. */
const ranWell = (outcome: string | null | undefined) =>
  !outcome || ['completed', 'snoozed', 'handed_back', 'parked'].includes(outcome)

/** Since when it could run: what was put off to a time does not wait before it. */
function began(job: Job): number {
  const created = Date.parse(job.created_at)
  if (job.runs > 1 || !job.started_at || job.wait_ms == null) return created
  return Math.max(created, Date.parse(job.started_at) - job.wait_ms)
}

const finalRun = (state: JobState): Stretch['what'] => {
  if (state === 'running') return 'running'
  return state === 'discarded' || state === 'quarantined' ? 'failed' : 'done'
}

/** What a job did when: waits, and runs between them. `attempts` where they are known, else the last run alone. */
export function lane(job: Job, now: number, attempts: readonly Attempt[] = []): Stretch[] {
  const runs: Stretch[] = []
  for (const { run, started_at, finished_at, outcome } of attempts) {
    const [from, to] = [at(started_at), at(finished_at)]
    if (from === undefined || to === undefined || (run === job.runs && !outcome)) continue
    runs.push({ from, to, what: ranWell(outcome) ? 'done' : 'failed' })
  }
  const last = at(job.started_at)
  if (last !== undefined && !runs.some(({ from }) => from === last)) {
    const to = job.state === 'running' ? now : job.run_ms == null ? at(job.finished_at) : last + job.run_ms
    if (to !== undefined) runs.push({ from: last, to: Math.max(last, to), what: finalRun(job.state) })
  }
  runs.sort((one, other) => one.from - other.from)
  const all: Stretch[] = []
  let free = began(job)
  for (const run of runs) {
    if (run.from > free) all.push({ from: free, to: run.from, what: 'wait' })
    all.push(run)
    free = Math.max(free, run.to)
  }
  const end = at(job.finished_at) ?? now
  if (job.state !== 'running' && !(ended(job.state) && runs.length > 0) && end > free)
    all.push({ from: free, to: end, what: 'wait' })
  return all
}

/** The time that several lanes have in common. */
export function frame(lanes: readonly (readonly Stretch[])[]): { from: number; to: number } {
  const all = lanes.flat()
  const from = Math.min(...all.map((stretch) => stretch.from))
  const to = Math.max(...all.map((stretch) => stretch.to))
  return Number.isFinite(from) ? { from, to: Math.max(to, from + 1) } : { from: 0, to: 1 }
}
