import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '../../app/navigation'
import { dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button, ButtonLink } from '../../parts/button'
import { FailureNotice } from '../../parts/notice'
import { Empty, Loading, Page } from '../../parts/page'
import { Stale } from '../../parts/stale'
import { Avatar } from '../../ui/avatar'
import { chatPages, type Chat } from './api'
import { useTexts } from './texts'

/** One's chats, those in which was written last first. */
export function Component() {
  const { t } = useTexts()
  const list = useInfiniteQuery(chatPages)
  const { data, error, dataUpdatedAt, isFetchNextPageError } = list
  const chats = data?.pages.flatMap((page) => page.data) ?? []
  const retry = () => void list.refetch()
  return (
    <Page title={t('title')} narrow>
      <p className="-mt-4 mb-6 text-muted">{t('lead')}</p>
      {!data && !error && <Loading />}
      {!data && error && <FailureNotice error={error} retry={retry} />}
      {data && error && !isFetchNextPageError && <Stale since={dataUpdatedAt} retry={retry} />}
      {data && chats.length === 0 && (
        <Empty title={t('empty')} text={t('emptyText')}>
          <ButtonLink to="/">{t('toCatalogue')}</ButtonLink>
        </Empty>
      )}
      {chats.length > 0 && (
        <ul className="divide-y divide-line overflow-hidden rounded-xl border border-line bg-surface">
          {chats.map((chat) => (
            <Row key={chat.id} chat={chat} />
          ))}
        </ul>
      )}
      {isFetchNextPageError && (
        <div className="mt-4">
          <FailureNotice error={error} />
        </div>
      )}
      {list.hasNextPage && (
        <Button
          className="mt-4 w-full"
          busy={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {t('more')}
        </Button>
      )}
    </Page>
  )
}

function Row({ chat }: { chat: Chat }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { other, nano, last_message: last } = chat
  const name = other.name || t('left')
  const words = last ? last.text || t('removed') : t('nothing')
  return (
    <li>
      <Link to={`/chats/${chat.id}`} className="flex gap-3 px-4 py-3 hover:bg-sunken">
        <span className="shrink-0">
          <Avatar name={name} />
        </span>
        <span className="min-w-0 flex-1">
          <span className="flex flex-wrap items-baseline justify-between gap-x-3">
            <span className="font-semibold">{name}</span>
            <span className="text-sm text-muted">{dateTime(chat.active_at, language)}</span>
          </span>
          <span className="block text-sm text-muted">{nano.title || t('noNano')}</span>
          <span className={`line-clamp-2 ${chat.unread > 0 ? 'font-semibold' : ''}`}>
            {last && last.sender_id !== other.id ? t('own', { text: words }) : words}
          </span>
          {(chat.unread > 0 || chat.state !== 'open') && (
            <span className="mt-1 flex flex-wrap gap-2">
              {chat.unread > 0 && <Badge tone="accent">{t('new', { count: chat.unread })}</Badge>}
              {chat.state !== 'open' && <Badge>{t(`states.${chat.state}`)}</Badge>}
            </span>
          )}
        </span>
      </Link>
    </li>
  )
}
