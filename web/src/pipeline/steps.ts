import type { Job, VersionDetail } from '../api/types'
import type { NanoEvent } from './events'

const KINDS = [
  'upload',
  'validate_archive',
  'make_thumbnails',
  'scan_content',
  'review_nano',
  'publish_nano',
  'index_nano',
] as const

export type StepKind = (typeof KINDS)[number]

export type StepState =
  | 'upcoming'
  | 'waiting'
  | 'running'
  | 'retrying'
  | 'done'
  | 'failed'
  /** Done, and the version was turned down by it. */
  | 'refused'
  | 'skipped'
  /** Done, and a person decides next. */
  | 'review'

export interface Step {
  kind: StepKind
  state: StepState
  /** Times it was started. */
  runs: number
  waitMs?: number
  runMs?: number
  /** Still growing: since when. */
  waitingSince?: string
  runningSince?: string
  /** 0 to 1. */
  progress?: number
}

/** The way of one version from upload to search. */
export function steps(version: VersionDetail, events: NanoEvent[]): Step[] {
  return KINDS.map((kind) => {
    if (kind === 'upload') return { kind, state: 'done', runs: 0 }
    if (kind === 'index_nano') return indexing(version, events)
    const job = version.pipeline?.filter((job) => job.kind === kind).at(-1)
    if (!job) return { kind, state: ended(version) ? 'skipped' : 'upcoming', runs: 0 }
    const step = fromJob(kind, job)
    if (step.state !== 'done' || kind !== decisive(version)) return step
    if (version.state === 'rejected') return { ...step, state: 'refused' }
    return version.state === 'pending_review' ? { ...step, state: 'review' } : step
  })
}

/** The step that turned a version down, or would have. */
function decisive({ report }: VersionDetail): StepKind {
  return report && !report.accepted ? 'validate_archive' : 'review_nano'
}

/** Nothing comes any more for this version. */
function ended({ state }: VersionDetail) {
  return state === 'rejected' || state === 'withdrawn'
}

function fromJob(kind: StepKind, job: Job): Step {
  const state = jobState(job.state)
  const { done, total } = job.progress ?? { done: 0, total: null }
  return {
    kind,
    state,
    runs: job.runs,
    waitMs: job.wait_ms ?? undefined,
    runMs: state === 'running' ? undefined : (job.run_ms ?? undefined),
    waitingSince: state === 'waiting' ? job.created_at : undefined,
    runningSince: state === 'running' ? (job.started_at ?? undefined) : undefined,
    progress: state === 'running' && total ? Math.min(1, done / total) : undefined,
  }
}

function jobState(state: string): StepState {
  switch (state) {
    case 'running':
      return 'running'
    case 'retryable':
      return 'retrying'
    case 'completed':
      return 'done'
    case 'cancelled':
      return 'skipped'
    case 'discarded':
    case 'quarantined':
      return 'failed'
    // A parent that waits for its children has not begun to wait for a worker.
    case 'waiting':
    case 'blocked':
      return 'upcoming'
    default:
      return 'waiting'
  }
}

/** The index follows the nano, not one version: its job is not among the version's, its event tells that it is done. */
function indexing(version: VersionDetail, events: NanoEvent[]): Step {
  const step = { kind: 'index_nano' as const, runs: 0 }
  const published = events.find((event) => event.kind === 'published' && event.data.version_id === version.id)
  const indexed = published && events.find((event) => event.kind === 'indexed' && event.seq > published.seq)
  if (indexed) {
    const took = Date.parse(indexed.created_at) - Date.parse(published.created_at)
    return { ...step, state: 'done', waitMs: Math.max(0, took) }
  }
  if (published) return { ...step, state: 'waiting', waitingSince: published.created_at }
  return { ...step, state: ended(version) ? 'skipped' : 'upcoming' }
}

/** The step that best says where a version stands: the first that is on its way or failed, else the last one done. */
export function currentStep<S extends Step>(all: S[]): S | undefined {
  const open = all.find(({ state }) =>
    ['waiting', 'running', 'retrying', 'review', 'failed', 'refused'].includes(state),
  )
  return open ?? all.findLast(({ state }) => state === 'done')
}

/** Whether something may still happen by itself, so that looking again is worth it. */
export function isMoving(version: VersionDetail, all: Step[]): boolean {
  return (
    version.state === 'processing' ||
    all.some((step) => ['waiting', 'running', 'retrying'].includes(step.state))
  )
}

/** Why a moderator turned this version down, if one did. */
export function moderatorsReason(version: VersionDetail, events: NanoEvent[]): string | undefined {
  const rejected = events.findLast(
    (event) => event.kind === 'rejected' && event.data.version_id === version.id,
  )
  return rejected?.data.by === 'moderator' ? rejected.data.reason : undefined
}
