import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from '../../app/navigation'
import { dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { FailureNotice } from '../../parts/notice'
import { Empty, Loading, Panel } from '../../parts/page'
import { Stale } from '../../parts/stale'
import { Frame } from './frame'
import { Preferences } from './preferences'
import { SavedSearches } from './saved-searches'
import { useTexts } from './texts'
import { allNotifications, notifications, readNotification, readUpTo, type Notification } from './told'

/** What one was told of, by which channels, and by which searches. */
export function Component() {
  return (
    <Frame section="notifications">
      <Told />
      <SavedSearches />
      <Preferences />
    </Frame>
  )
}

function Told() {
  const { t } = useTexts()
  const queries = useQueryClient()
  // Where each page begins that was turned to; the last one is shown.
  const [pages, setPages] = useState<readonly string[]>([''])
  const query = useQuery(notifications(pages.at(-1) ?? ''))
  const { data, error, dataUpdatedAt, isPlaceholderData, refetch } = query
  const list = data?.data.notifications ?? []
  const next = data?.meta?.next_cursor
  const read = useMutation({
    mutationFn: async (send: () => Promise<unknown>) => {
      await send()
      await queries.invalidateQueries(allNotifications)
    },
  })
  const newest = list[0]
  return (
    <Panel title={t('notifications.title')}>
      {!data && !error && <Loading />}
      {!data && error && <FailureNotice error={error} retry={() => void refetch()} />}
      {data && error && <Stale since={dataUpdatedAt} retry={() => void refetch()} />}
      {read.error && <FailureNotice error={read.error} />}
      {data && list.length === 0 && (
        <Empty title={t('notifications.empty')} text={t('notifications.emptyText')} />
      )}
      {data && newest && (
        <div className="space-y-4">
          <div className="flex flex-wrap items-center justify-between gap-3">
            <p role="status" className="text-muted">
              {t('notifications.unread', { count: data.data.unread })}
            </p>
            {data.data.unread > 0 && pages.length === 1 && (
              <Button busy={read.isPending} onClick={() => read.mutate(() => readUpTo(newest.id))}>
                {t('notifications.readAll')}
              </Button>
            )}
          </div>
          <ul
            aria-busy={isPlaceholderData}
            className={`divide-y divide-line border-y border-line ${isPlaceholderData ? 'opacity-60' : ''}`}
          >
            {list.map((one) => (
              <Row key={one.id} one={one} onRead={() => read.mutate(() => readNotification(one.id))} />
            ))}
          </ul>
          {(pages.length > 1 || next) && (
            <div className="flex flex-wrap gap-3">
              <Button blocked={pages.length === 1} onClick={() => setPages(pages.slice(0, -1))}>
                {t('notifications.newer')}
              </Button>
              <Button blocked={!next} onClick={() => next && setPages([...pages, next])}>
                {t('notifications.older')}
              </Button>
            </div>
          )}
        </div>
      )}
    </Panel>
  )
}

function Row({ one, onRead }: { one: Notification; onRead: () => void }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { kind, nano, saved_search: search, reason, read_at: read } = one
  const title = nano?.title ?? t('notifications.goneNano')
  const name = search?.name ?? t('notifications.goneSearch')
  const text = t(`notifications.about.${kind}`, { title, name, count: search?.found ?? 0 })
  return (
    <li className="flex flex-wrap items-start justify-between gap-x-6 gap-y-2 py-3">
      <div className="min-w-0 space-y-1">
        <p className={read ? '' : 'font-medium'}>
          {nano?.title ? (
            <Link to={`/nanos/${nano.id}`} className="hover:underline">
              {text}
            </Link>
          ) : (
            text
          )}
        </p>
        {reason && <p className="break-words whitespace-pre-line">{reason}</p>}
        <p className="flex flex-wrap items-center gap-2 text-sm text-muted">
          {dateTime(one.created_at, language)}
          {!read && <Badge tone="accent">{t('notifications.new')}</Badge>}
        </p>
      </div>
      {!read && (
        <Button onClick={onRead}>
          {t('notifications.read')}
          <span className="sr-only"> ({text})</span>
        </Button>
      )}
    </li>
  )
}
