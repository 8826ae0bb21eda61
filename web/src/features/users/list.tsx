import { useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from '../../app/navigation'
import { date } from '../../format'
import { STAY } from '../../app/history'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { Select } from '../../parts/field'
import { FailureNotice } from '../../parts/notice'
import { Empty, Loading } from '../../parts/page'
import { Frame } from '../operations/frame'
import { Pager } from '../../parts/pager'
import { Stale } from '../../parts/stale'
import { SearchBox } from '../../parts/search-box'
import { useMe } from '../../session/store'
import { ROLES, STATUSES, userPage, type User, type UserFilter } from './api'
import { RoleBadge, StatusBadge } from './badges'
import { readFilter, writeFilter } from './filter'
import { useTexts } from './texts'

/** All accounts, for administrators. */
export function Component() {
  const { t } = useTexts()
  const [params, setParams] = useSearchParams()
  const filter = readFilter(params)
  const { data, error, dataUpdatedAt, isPlaceholderData, refetch } = useQuery(userPage(filter))
  const narrowed = filter.q !== '' || filter.role !== '' || filter.status !== ''
  const change = (changed: Partial<UserFilter>) =>
    setParams(writeFilter({ ...filter, page: 1, ...changed }), STAY)
  const count = data?.meta?.total ?? 0
  return (
    <Frame title={t('title')}>
      <p className="-mt-2 mb-4 text-muted">{t('lead')}</p>
      <search className="block">
        <SearchBox
          key={filter.q}
          label={t('search')}
          hint={t('searchHint')}
          button={t('searchButton')}
          words={filter.q}
          onSearch={(q) => change({ q })}
        />
        <div className="mt-4 grid grid-cols-2 gap-3 sm:max-w-lg">
          <Select
            label={t('role')}
            value={filter.role}
            onChange={(event) => change({ role: event.target.value })}
            options={[
              ['', t('allRoles')],
              ...ROLES.map((role) => [role, t(`translation:role.${role}`)] as const),
            ]}
          />
          <Select
            label={t('status')}
            value={filter.status}
            onChange={(event) => change({ status: event.target.value })}
            options={[
              ['', t('allStatuses')],
              ...STATUSES.map((status) => [status, t(`statuses.${status}`)] as const),
            ]}
          />
        </div>
      </search>
      <p role="status" className="mt-6 mb-4 flex min-h-11 flex-wrap items-center gap-x-2 text-muted">
        {data && (data.meta?.total_capped ? t('foundCapped', { count }) : t('found', { count }))}
        {narrowed && (
          <Button look="quiet" onClick={() => change({ q: '', role: '', status: '' })}>
            {t('reset')}
          </Button>
        )}
      </p>
      {!data && !error && <Loading />}
      {error && data && <Stale since={dataUpdatedAt} retry={() => void refetch()} />}
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {data?.data.length === 0 && <Empty title={t('empty')} text={t('emptyText')} />}
      {data && data.data.length > 0 && (
        <ul
          aria-busy={isPlaceholderData}
          className={`divide-y divide-line overflow-hidden rounded-xl border border-line bg-surface ${isPlaceholderData ? 'opacity-60' : ''}`}
        >
          {data.data.map((user) => (
            <Row key={user.id} user={user} />
          ))}
        </ul>
      )}
      {data && (
        <Pager
          meta={data.meta ?? {}}
          to={(page) => `/operations/users?${writeFilter({ ...filter, page })}`}
        />
      )}
    </Frame>
  )
}

function Row({ user }: { user: User }) {
  const { t } = useTexts()
  const language = useLanguage()
  const own = useMe()?.id === user.id
  return (
    <li className="relative grid gap-x-6 gap-y-2 px-4 py-3 hover:bg-sunken md:grid-cols-[minmax(0,1fr)_auto] md:items-center">
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-2">
          <Link to={`/operations/users/${user.id}`} className="font-semibold after:absolute after:inset-0">
            {user.name}
          </Link>
          {own && <span className="text-sm text-muted">({t('you')})</span>}
        </p>
        <p className="text-sm text-muted">
          {user.email} · {user.username}
        </p>
      </div>
      <div className="flex flex-wrap items-center gap-1.5 md:justify-end">
        <span className="w-full text-sm text-muted md:mr-2 md:w-auto">
          {user.last_login_at
            ? t('lastLogin', { date: date(user.last_login_at, language) })
            : t('neverLogin')}
        </span>
        {!user.email_verified && <Badge tone="warn">{t('unverified')}</Badge>}
        {user.second_factor && <Badge>{t('secondFactor')}</Badge>}
        <RoleBadge role={user.role} />
        <StatusBadge status={user.status} />
      </div>
    </li>
  )
}
