import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Envelope } from '../../api/types'
import { FailureNotice, Notice } from '../../parts/notice'
import { Empty, Loading, Page } from '../../parts/page'
import { Pager } from '../../parts/pager'
import { Stale } from '../../parts/stale'
import { ModerationSections } from './sections'
import { useTexts } from './texts'

interface WaitingListProps<T> {
  /** Whose texts: title, lead, how many wait, and what it means that none do. */
  of: 'moderation' | 'reports'
  /** What was done last, for screen readers too. */
  said: string
  read: UseQueryResult<Envelope<T[]>>
  path: string
  /** A list item with its key. */
  children: (item: T) => ReactNode
}

/** A page of what waits for a person's decision. */
export function WaitingList<T>({ of, said, read, path, children }: WaitingListProps<T>) {
  const { t } = useTexts()
  const { data, error, dataUpdatedAt, refetch } = read
  return (
    <Page title={t(`${of}.title`)}>
      <ModerationSections />
      <p className="mb-6 text-muted">{t(`${of}.lead`)}</p>
      <div role="status">{said && <Notice tone="good">{said}</Notice>}</div>
      {!data && !error && <Loading />}
      {error && data && <Stale since={dataUpdatedAt} retry={() => void refetch()} />}
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {data && data.data.length > 0 && (
        <p className="my-4 text-muted">{t(`${of}.waiting`, { count: data.meta?.total ?? 0 })}</p>
      )}
      {data?.data.length === 0 && (
        <div className="mt-4">
          <Empty title={t('moderation.empty')} text={t(`${of}.emptyText`)} />
        </div>
      )}
      <ul className="space-y-6">{data?.data.map(children)}</ul>
      {data && <Pager meta={data.meta ?? {}} to={(page) => `${path}?page=${page}`} />}
    </Page>
  )
}
