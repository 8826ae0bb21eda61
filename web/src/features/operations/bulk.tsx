import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from '../../app/navigation'
import { FailureNotice } from '../../parts/notice'
import { Empty } from '../../parts/page'
import { Skeleton } from '../../ui/skeleton'
import { ended, keyring } from './actions'
import { act, jobPages, jobQuery, type Job, type JobFilter } from './api'
import { BulkBar, isOver, useBulk } from './bulk-form'
import { NOTHING } from './filter'
import { Frame } from './frame'
import { Older } from './job-list'
import { Act, Moment, Reasoned, StateMark, useDone } from './kit'
import { useTexts } from './texts'

/** A bulk action is a job itself; that is how they are found. */
const BULK: JobFilter = { ...NOTHING, kind: 'bulk_action' }

/** Actions on many jobs at once: how far each is, and a way to stop it. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  const list = useInfiniteQuery({ ...jobPages(BULK), staleTime: 0 })
  const jobs = list.data?.pages.flatMap(({ data }) => data)
  return (
    <Frame title={t('sections.bulk')} said={said}>
      <p className="max-w-3xl text-muted">{t('bulk.lead')}</p>
      {!jobs && !list.error && <Skeleton className="h-64" />}
      {!jobs && list.error && <FailureNotice error={list.error} retry={() => void list.refetch()} />}
      {jobs?.length === 0 && <Empty title={t('bulk.empty')} text={t('bulk.emptyText')} />}
      {jobs && jobs.length > 0 && (
        <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
          {jobs.map((job) => (
            <li key={job.id} className="p-4">
              <Row job={job} onDone={done} />
            </li>
          ))}
        </ul>
      )}
      <Older list={list} />
    </Frame>
  )
}

interface RowProps {
  job: Job
  onDone: (words: string) => void
}

/** Which bulk action it does, its arguments say. */
function Row({ job, onDone }: RowProps) {
  const detail = useQuery({ ...jobQuery(job.id), staleTime: Infinity })
  const id = (detail.data?.arguments as { bulk_id?: string } | undefined)?.bulk_id
  if (detail.error) return <FailureNotice error={detail.error} retry={() => void detail.refetch()} />
  if (!id) return <Skeleton className="h-16" />
  return <Action id={id} job={job} onDone={onDone} />
}

function Action({ id, job, onDone }: RowProps & { id: string }) {
  const { t } = useTexts()
  const { data: bulk, error, refetch } = useBulk(id)
  const [key] = useState(keyring)
  if (!bulk) {
    if (error) return <FailureNotice error={error} retry={() => void refetch()} />
    return <Skeleton className="h-16" />
  }
  const state = bulk.state ?? job.state
  const over = isOver(bulk)
  return (
    <div className="grid items-start gap-x-6 gap-y-3 md:grid-cols-[minmax(0,1fr)_18rem_auto]">
      <div className="min-w-0 text-sm">
        <p className="flex flex-wrap items-center gap-x-3">
          <Link
            to={`/operations/jobs/${bulk.job_id}`}
            className="text-base font-semibold hover:text-accent hover:underline"
          >
            {t(`action.${bulk.action}`)}
          </Link>
          <StateMark state={state} />
          <span className="text-muted">
            <Moment time={bulk.created_at} />
          </span>
        </p>
        <p>{bulk.reason}</p>
        <p className="text-xs text-muted">{spelled(bulk.filter).join(' · ')}</p>
      </div>
      <BulkBar bulk={bulk} />
      <div className="md:w-24 md:text-right">
        {!over && !ended(state) && (
          <Act action={t('bulk.stop')} about={bulk.reason} title={t('bulk.stopTitle')} look="danger">
            <Reasoned
              action={t('bulk.stop')}
              danger
              explanation={t('bulk.stopText')}
              send={(_, reason) => act(bulk.job_id, 'cancel', reason, key(reason))}
              onDone={() => onDone(t('bulk.stopping'))}
            />
          </Act>
        )}
      </div>
    </div>
  )
}

/** The document leaves the filter's fields open: each is shown as it is told. */
const spelled = (filter: object) =>
  Object.entries(filter).map(
    ([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : String(value)}`,
  )
