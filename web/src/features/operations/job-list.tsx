import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { count } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { FailureNotice } from '../../parts/notice'
import { Empty } from '../../parts/page'
import { Stale } from '../../parts/stale'
import { Skeleton } from '../../ui/skeleton'
import { ACTIONS, fits } from './actions'
import { jobPages, newestJobs, type Job, type JobFilter } from './api'
import { BulkForm } from './bulk-form'
import { narrowed } from './filter'
import { follow } from './follow'
import { JobTable } from './job-table'
import { Act } from './kit'
import { PickedForm } from './picked-form'
import { useTexts } from './texts'

/** The list's beginning is looked at so often. */
const LOOK_MS = 3_000

const idOf = ({ id }: Job) => id

interface JobListProps {
  filter: JobFilter
  /** When there is none: what that means. */
  empty: { title: string; text: string }
  onDone: (words: string) => void
}

/** The jobs of a filter: they change where they are, news are shown when they are wanted, and many are acted upon at once. */
export function JobList({ filter, empty, onDone }: JobListProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const queries = useQueryClient()
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const list = useInfiniteQuery(jobPages(filter))
  const newest = useQuery({ ...newestJobs(filter), refetchInterval: LOOK_MS, enabled: list.isSuccess })
  const shown = list.data?.pages.flatMap(({ data }) => data) ?? []
  const { rows, fresh, more, gone } = follow(
    shown,
    newest.data && { rows: newest.data.data, whole: !newest.data.meta?.next_cursor },
    idOf,
  )
  const renew = () => {
    const page = newest.data
    if (page) queries.setQueryData(jobPages(filter).queryKey, { pages: [page], pageParams: [''] })
  }
  // Nothing jumps where there was nothing.
  const first = list.isSuccess && shown.length === 0 && fresh > 0
  useEffect(() => {
    if (first) renew()
  })
  if (!list.data) {
    if (list.error) return <FailureNotice error={list.error} retry={() => void list.refetch()} />
    return <Skeleton className="h-96" />
  }
  const { total, total_capped: capped } = list.data.pages[0]?.meta ?? {}
  const chosen = rows.filter(({ id }) => picked.has(id))
  const pick = (ids: string[], pick: boolean) =>
    setPicked((before) => {
      const after = new Set(before)
      for (const id of ids) {
        if (pick) after.add(id)
        else after.delete(id)
      }
      return after
    })
  const finish = (words: string) => {
    setPicked(new Set())
    onDone(words)
  }
  return (
    <>
      {newest.error && list.isSuccess && (
        <Stale since={newest.dataUpdatedAt || list.dataUpdatedAt} retry={() => void newest.refetch()} />
      )}
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-2">
        {chosen.length === 0 ? (
          <>
            <p role="status" className="text-sm text-muted">
              {total == null
                ? ''
                : capped
                  ? t('jobs.totalCapped', { count: count(total, language) })
                  : t('jobs.total', { count: total })}
            </p>
            <News fresh={fresh} more={more} onShow={renew} />
            <span className="ml-auto" />
            {rows.length > 0 && (
              <Act
                action={t('jobs.all')}
                title={t('bulk.title')}
                why={narrowed(filter) ? undefined : t('why.noFilter')}
              >
                <BulkForm filter={filter} onDone={finish} />
              </Act>
            )}
          </>
        ) : (
          <>
            <p className="text-sm font-medium">{t('jobs.picked', { count: chosen.length })}</p>
            <News fresh={fresh} more={more} onShow={renew} />
            {ACTIONS.map((action) => {
              const fitting = chosen.filter(({ state }) => fits(action, state))
              return (
                <Act
                  key={action}
                  action={t(`action.${action}`)}
                  title={t('jobs.actOn', { action: t(`action.${action}`), count: fitting.length })}
                  look={action === 'discard' || action === 'cancel' ? 'danger' : 'secondary'}
                  why={fitting.length > 0 ? undefined : t(`why.${action}`)}
                >
                  <PickedForm
                    action={action}
                    jobs={fitting}
                    others={chosen.length - fitting.length}
                    onDone={finish}
                  />
                </Act>
              )
            })}
            <Button look="quiet" small onClick={() => setPicked(new Set())}>
              {t('jobs.unpick')}
            </Button>
          </>
        )}
      </div>
      {rows.length === 0 ? (
        <Empty title={empty.title} text={empty.text} />
      ) : (
        <div className="rounded-xl border border-line bg-surface">
          <JobTable caption={t('jobs.title')} rows={rows} gone={gone} picked={picked} onPick={pick} />
        </div>
      )}
      <Older list={list} />
    </>
  )
}

interface NewsProps {
  fresh: number
  more: boolean
  onShow: () => void
}

/** How much is new, and a way to see it; beside the list, so that it moves no row. */
export function News({ fresh, more, onShow }: NewsProps) {
  const { t } = useTexts()
  if (fresh === 0) return null
  return (
    <button
      type="button"
      onClick={onShow}
      className="min-h-8 rounded-full bg-info-soft px-3 text-sm font-semibold text-info hover:underline"
    >
      <span aria-hidden="true">▲ </span>
      {more ? t('jobs.newMore', { count: fresh }) : t('jobs.new', { count: fresh })}
    </button>
  )
}

interface OlderProps {
  list: {
    data?: { pages: { meta?: { partial?: boolean } | null }[] }
    hasNextPage: boolean
    isFetchingNextPage: boolean
    isFetchNextPageError: boolean
    error: unknown
    fetchNextPage: () => Promise<unknown>
  }
}

/** The way to what lies further back. */
export function Older({ list }: OlderProps) {
  const { t } = useTexts()
  const partial = list.data?.pages.at(-1)?.meta?.partial ?? false
  const go = () => void list.fetchNextPage()
  if (list.isFetchNextPageError) return <FailureNotice error={list.error} retry={go} />
  if (!list.hasNextPage) return null
  return (
    <div className="flex flex-wrap items-center justify-center gap-x-4 gap-y-2">
      {partial && <p className="text-sm text-muted">{t('jobs.partial')}</p>}
      <Button busy={list.isFetchingNextPage} onClick={go}>
        {partial ? t('jobs.goOn') : t('jobs.older')}
      </Button>
    </div>
  )
}
