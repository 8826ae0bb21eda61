import { useQuery } from '@tanstack/react-query'
import { useLanguage } from '../i18n/setup'
import { useTexts } from '../features/studio/texts'
import { Link, useSearchParams } from '../app/navigation'
import { myNanos } from '../api/nanos'
import type { Nano } from '../api/types'
import { date } from '../format'
import { useOwnEvents } from '../live/own-events'
import { ButtonLink } from '../parts/button'
import { FailureNotice } from '../parts/notice'
import { Empty, Loading, Page } from '../parts/page'
import { Pager } from '../parts/pager'
import { Stale } from '../parts/stale'
import { Picture } from '../parts/picture'
import { StatusBadge } from '../parts/status'

/** A creator's own nanos. */
export function Component() {
  const { t } = useTexts()
  const [params] = useSearchParams()
  const page = Math.max(1, Number(params.get('page')) || 1)
  const { data, error, dataUpdatedAt, refetch } = useQuery(myNanos(page))
  useOwnEvents(data?.data.some(({ status }) => status === 'processing') ?? false)
  return (
    <Page
      title={t('studio.mine')}
      actions={
        <ButtonLink look="primary" to="/studio/new">
          {t('studio.create')}
        </ButtonLink>
      }
    >
      {!data && !error && <Loading />}
      {error && data && <Stale since={dataUpdatedAt} retry={() => void refetch()} />}
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {data?.data.length === 0 && <Empty title={t('studio.empty')} text={t('studio.emptyText')} />}
      {data && data.data.length > 0 && (
        <ul className="divide-y divide-line overflow-hidden rounded-xl border border-line bg-surface">
          {data.data.map((nano) => (
            <Row key={nano.id} nano={nano} />
          ))}
        </ul>
      )}
      {data && <Pager meta={data.meta ?? {}} to={(page) => `/studio?page=${page}`} />}
    </Page>
  )
}

function Row({ nano }: { nano: Nano }) {
  const { t } = useTexts()
  const language = useLanguage()
  return (
    <li className="relative flex items-center gap-4 p-3 hover:bg-sunken sm:p-4">
      <div className="w-24 shrink-0 overflow-hidden rounded-lg sm:w-32">
        <Picture nano={nano} sizes="8rem" />
      </div>
      <div className="min-w-0 flex-1">
        <Link
          to={`/studio/nanos/${nano.id}`}
          className="font-semibold after:absolute after:inset-0"
          lang={nano.language}
        >
          {nano.title}
        </Link>
        <p className="text-sm text-muted">{t('studio.changed', { date: date(nano.updated_at, language) })}</p>
        <p className="mt-1 sm:hidden">
          <StatusBadge status={nano.status} />
        </p>
      </div>
      <p className="hidden sm:block">
        <StatusBadge status={nano.status} />
      </p>
    </li>
  )
}
