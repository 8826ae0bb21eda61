import type { Schemas } from '@nano/api-client'
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { noteServerTime } from '../../api/clock'
import type { Envelope, Maintenance } from '../../api/types'
import { api } from '../../session/session'
import type { Action } from './actions'
import type { AuditFilter } from './audit-filter'

export type Job = Schemas['AdminJob']
export type JobState = Job['state']
export type JobDetail = Schemas['AdminJobDetail']
export type Attempt = Schemas['AttemptView']
/** What the person whose work it is reads of a job: its place in line, and what is wrong in plain words. */
export type JobInWords = Schemas['JobDetail']
export type Overview = Schemas['Overview']
export type Health = Schemas['HealthView']
export type Queues = Schemas['QueuesView']
export type Queue = Schemas['QueueView']
export type Pause = Schemas['PauseView']
export type Limit = Schemas['LimitView']
export type Worker = Schemas['WorkerView']
export type Group = Schemas['ErrorGroup']
export type Schedule = Schemas['ScheduleView']
export type Tick = Schemas['TickView']
export type Count = Schemas['Count']
export type Stats = Schemas['StatsView']
export type Bulk = Schemas['BulkView']
export type BulkAnswer = Schemas['BulkAnswer']
export type Operated = Schemas['Operated']
export type Similar = Schemas['Similar']
export type AmbiguousMail = Schemas['AmbiguousMail']
export type MailVerdict = Schemas['MailJudgement']['verdict']
export type AuditRow = Schemas['AuditRow']

/** The filters of the job list; what is empty says nothing. */
export interface JobFilter {
  state: JobState[]
  kind: string
  queue: string
  tenant: string
  reference: string
  fingerprint: string
  since: string
  until: string
}

export interface GroupFilter {
  kind: string
  class: string
  fingerprint: string
}

/** Rows of a list at a time. */
export const PER_PAGE = 50

/** All keys of what operators read begin with it. */
export const KEY = 'operations'

async function read<T>(path: string, params?: object, signal?: AbortSignal): Promise<Envelope<T>> {
  const { data } = await api.get<Envelope<T>>(path, { params, signal })
  noteServerTime(data.timestamp)
  return data
}

/** How everything is: also what the pages of the queues and of the causes show, and the figures beside every page. */
export const overviewQuery = queryOptions({
  queryKey: [KEY, 'overview'],
  queryFn: async ({ signal }) => (await read<Overview>('/admin/overview', {}, signal)).data,
})

export const workersQuery = queryOptions({
  queryKey: [KEY, 'workers'],
  queryFn: async ({ signal }) => (await read<Worker[]>('/admin/jobs/workers', {}, signal)).data,
})

/** Those that ended within a day, too. */
export const endedWorkersQuery = queryOptions({
  queryKey: [KEY, 'workers', 'ended'],
  queryFn: async ({ signal }) => (await read<Worker[]>('/admin/jobs/workers', { ended: true }, signal)).data,
})

const cursors = {
  initialPageParam: '',
  getNextPageParam: ({ meta }: Envelope<unknown>) => meta?.next_cursor ?? undefined,
}

export const groupPages = (filter: GroupFilter) =>
  infiniteQueryOptions({
    queryKey: [KEY, 'groups', 'pages', filter],
    queryFn: ({ signal, pageParam }) =>
      read<Group[]>('/admin/jobs/errors', { ...filter, cursor: pageParam, limit: PER_PAGE }, signal),
    ...cursors,
  })

const jobParams = ({ state, ...rest }: JobFilter) => ({ ...rest, state: state.join(',') })

/** A list that stays as it was read until its reader wants the news; see `follow`. */
export const jobPages = (filter: JobFilter) =>
  infiniteQueryOptions({
    queryKey: [KEY, 'jobs', 'pages', filter],
    queryFn: ({ signal, pageParam }) =>
      read<Job[]>('/admin/jobs', { ...jobParams(filter), cursor: pageParam, limit: PER_PAGE }, signal),
    ...cursors,
    staleTime: Infinity,
    gcTime: 60_000,
  })

/** What the list's beginning is by now. */
export const newestJobs = (filter: JobFilter, limit = PER_PAGE) =>
  queryOptions({
    queryKey: [KEY, 'jobs', 'newest', filter, limit],
    queryFn: ({ signal }) => read<Job[]>('/admin/jobs', { ...jobParams(filter), limit }, signal),
  })

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: [KEY, 'job', id],
    queryFn: async ({ signal }) => (await read<JobDetail>(`/admin/jobs/${id}`, {}, signal)).data,
  })

export const jobInWords = (id: string) =>
  queryOptions({
    queryKey: [KEY, 'job', id, 'words'],
    queryFn: async ({ signal }) => (await read<JobInWords>(`/jobs/${id}`, {}, signal)).data,
  })

/** What failed of the same cause as a job. */
export const similarQuery = (id: string) =>
  queryOptions({
    queryKey: [KEY, 'job', id, 'similar'],
    queryFn: async ({ signal }) => (await read<Similar>(`/admin/jobs/${id}/similar`, {}, signal)).data,
  })

export const schedulesQuery = queryOptions({
  queryKey: [KEY, 'schedules'],
  queryFn: async ({ signal }) => (await read<Schedule[]>('/admin/jobs/schedules', {}, signal)).data,
})

/** The ticks of a schedule as far back as they are kept. */
export const tickPages = (name: string) =>
  infiniteQueryOptions({
    queryKey: [KEY, 'schedules', name, 'ticks'],
    queryFn: ({ signal, pageParam }) =>
      read<Tick[]>(
        `/admin/jobs/schedules/${encodeURIComponent(name)}/ticks`,
        { cursor: pageParam, limit: PER_PAGE },
        signal,
      ),
    ...cursors,
  })

/** Mails of which nobody can tell whether they left. */
export const ambiguousMails = infiniteQueryOptions({
  queryKey: [KEY, 'mails'],
  queryFn: ({ signal, pageParam }) =>
    read<AmbiguousMail[]>('/admin/mails/ambiguous', { cursor: pageParam, limit: PER_PAGE }, signal),
  ...cursors,
})

export const auditPage = (filter: AuditFilter) =>
  queryOptions({
    queryKey: [KEY, 'audit', filter],
    queryFn: ({ signal }) => read<AuditRow[]>('/admin/audit-logs', { ...filter, limit: PER_PAGE }, signal),
    placeholderData: keepPreviousData,
  })

/** Bulk actions, whoever asked for them. */
export const bulkPages = infiniteQueryOptions({
  queryKey: [KEY, 'bulk', 'pages'],
  queryFn: ({ signal, pageParam }) =>
    read<Bulk[]>('/admin/jobs/bulk', { cursor: pageParam, limit: 20 }, signal),
  ...cursors,
})

export const bulkQuery = (id: string) =>
  queryOptions({
    queryKey: [KEY, 'bulk', id],
    queryFn: async ({ signal }) => (await read<Bulk>(`/admin/jobs/bulk/${id}`, {}, signal)).data,
  })

/** Sent again under the same key, a request does nothing more. */
const keyed = (key: string) => ({ headers: { 'Idempotency-Key': key } })

const changed = async <T>(answer: Promise<{ data: Envelope<T> }>) => (await answer).data.data

/** `flow`: everything that the job waits for as well. */
export function act(
  id: string,
  action: Action,
  reason: string,
  key: string,
  flow = false,
): Promise<Operated> {
  const owners = action === 'retry' || action === 'cancel'
  const path = owners ? `/jobs/${id}/${action}` : `/admin/jobs/${id}/${action}`
  const body = owners ? { reason, flow } : { reason }
  return changed(api.post<Envelope<Operated>>(path, body, keyed(key)))
}

export interface Wanted {
  run_at?: string
  priority?: number
  queue?: string
  reason: string
}

export const change = (id: string, wanted: Wanted) =>
  changed(api.patch<Envelope<unknown>>(`/admin/jobs/${id}`, wanted))

/** What a filter without empty fields is in a body. */
function bulkFilter({ state, ...rest }: JobFilter) {
  const told = Object.entries(rest).filter(([, value]) => value !== '')
  return { ...Object.fromEntries(told), ...(state.length > 0 ? { state } : {}) }
}

/** How many jobs a bulk action would act upon. */
export const dryRun = (action: Action, filter: JobFilter) =>
  queryOptions({
    queryKey: [KEY, 'dry-run', action, filter],
    queryFn: ({ signal }) =>
      changed(
        api.post<Envelope<BulkAnswer>>(
          '/admin/jobs/bulk',
          { action, filter: bulkFilter(filter), reason: 'dry run', dry_run: true },
          { signal },
        ),
      ),
    staleTime: 0,
    gcTime: 0,
  })

export const beginBulk = (
  action: Action,
  filter: JobFilter,
  reason: string,
  perSecond: number | undefined,
  key: string,
) =>
  changed(
    api.post<Envelope<BulkAnswer>>(
      '/admin/jobs/bulk',
      { action, filter: bulkFilter(filter), reason, per_second: perSecond },
      keyed(key),
    ),
  )

/** What can be paused, by the place of its address. */
export type Pausable = { scope: 'all' } | { scope: 'queue' | 'kind' | 'schedule'; name: string }

function address(what: Pausable) {
  if (what.scope === 'all') return '/admin/jobs'
  return `/admin/jobs/${what.scope}s/${encodeURIComponent(what.name)}`
}

export const pause = (what: Pausable, reason: string, seconds: number | undefined) =>
  changed(api.post<Envelope<unknown>>(`${address(what)}/pause`, { reason, expires_in_seconds: seconds }))

export const resume = (what: Pausable, reason: string) =>
  changed(api.post<Envelope<unknown>>(`${address(what)}/resume`, { reason }))

export interface LimitWanted {
  max_running?: number
  max_running_per_tenant?: number
  rate?: number
  rate_seconds?: number
  burst?: number
  reason: string
}

/** Refused when somebody else has changed what was read. */
const unless = (revision: string | undefined) =>
  revision === undefined ? {} : { headers: { 'If-Match': `"${revision}"` } }

export const setLimit = (kind: string, wanted: LimitWanted, revision: string | undefined) =>
  changed(
    api.put<Envelope<Limit>>(`/admin/jobs/limits/${encodeURIComponent(kind)}`, wanted, unless(revision)),
  )

export const liftLimit = async (kind: string, reason: string, revision: string) => {
  await api.delete(`/admin/jobs/limits/${encodeURIComponent(kind)}`, {
    params: { reason },
    ...unless(revision),
  })
}

export const drain = (id: string, reason: string) =>
  changed(api.post<Envelope<unknown>>(`/admin/jobs/workers/${id}/drain`, { reason }))

export const runSchedule = (name: string, reason: string, key: string) =>
  changed(
    api.post<Envelope<Schemas['Started']>>(
      `/admin/jobs/schedules/${encodeURIComponent(name)}/run`,
      { reason },
      keyed(key),
    ),
  )

export const judgeMail = (id: string, verdict: MailVerdict, reason: string) =>
  changed(api.post<Envelope<Schemas['MailJudged']>>(`/admin/mails/${id}/judge`, { verdict, reason }))

/** Again while it lasts: with another message, or another time. */
export const beginMaintenance = (reason: string, retryAfterSeconds: number) =>
  changed(
    api.put<Envelope<Maintenance>>('/admin/maintenance', { reason, retry_after_seconds: retryAfterSeconds }),
  )

export const endMaintenance = async (reason: string) => {
  await api.delete('/admin/maintenance', { params: { reason } })
}
