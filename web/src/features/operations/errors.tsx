import { useInfiniteQuery } from '@tanstack/react-query'
import { STAY } from '../../app/history'
import { useSearchParams } from '../../app/navigation'
import { Button } from '../../parts/button'
import { Select } from '../../parts/field'
import { FailureNotice } from '../../parts/notice'
import { Empty } from '../../parts/page'
import { Stale } from '../../parts/stale'
import { Skeleton } from '../../ui/skeleton'
import { groupPages, type Group, type GroupFilter } from './api'
import { sound } from './filter'
import { follow } from './follow'
import { Frame } from './frame'
import { GroupTable } from './group-table'
import { Older } from './job-list'
import { KINDS } from './kinds'
import { useDone } from './kit'
import { useGroups } from './reads'
import { useTexts } from './texts'

/** As the runs of every job name what went wrong; jobs may have others of their own. */
const CLASSES = [
  'failed',
  'timeout',
  'panic',
  'crashed',
  'out_of_memory',
  'discard',
  'arguments',
  'deadline',
  'lost',
  'mail_put_off',
]

function read(params: URLSearchParams): GroupFilter {
  const field = (name: 'kind' | 'fingerprint') => {
    const value = params.get(name) ?? ''
    return sound(name, value) ? value : ''
  }
  const named = params.get('class') ?? ''
  return {
    kind: field('kind'),
    class: /^[a-z0-9_]{1,32}$/.test(named) ? named : '',
    fingerprint: field('fingerprint'),
  }
}

/** Failures by their cause. */
export function Component() {
  const { t } = useTexts()
  const [params, setParams] = useSearchParams()
  const filter = read(params)
  const [said, done] = useDone()
  const change = (changed: Partial<GroupFilter>) =>
    setParams(
      Object.fromEntries(Object.entries({ ...filter, ...changed }).filter(([, value]) => value !== '')),
      STAY,
    )
  const options = (known: readonly string[], value: string) => [
    ['', t('chips.any')] as const,
    ...(value && !known.includes(value) ? [[value, value] as const] : []),
    ...known.map((name) => [name, name] as const),
  ]
  const narrowed = Object.values(filter).some((value) => value !== '')
  return (
    <Frame title={t('errors.title')} said={said} live>
      <p className="max-w-3xl text-muted">{t('errors.lead')}</p>
      <search className="flex flex-wrap items-end gap-3">
        <div className="w-56 max-w-full">
          <Select
            label={t('chips.kind')}
            value={filter.kind}
            onChange={(event) => change({ kind: event.target.value })}
            options={options(KINDS, filter.kind)}
          />
        </div>
        <div className="w-44 max-w-full">
          <Select
            label={t('errors.class')}
            value={filter.class}
            onChange={(event) => change({ class: event.target.value })}
            options={options(CLASSES, filter.class)}
          />
        </div>
        {narrowed && (
          <Button look="quiet" onClick={() => change({ kind: '', class: '', fingerprint: '' })}>
            {filter.fingerprint ? t('errors.allCauses') : t('chips.reset')}
          </Button>
        )}
      </search>
      <Groups key={JSON.stringify(filter)} filter={filter} onDone={done} />
    </Frame>
  )
}

const keyOf = ({ fingerprint }: Group) => fingerprint

function Groups({ filter, onDone }: { filter: GroupFilter; onDone: (words: string) => void }) {
  const { t } = useTexts()
  const list = useInfiniteQuery(groupPages(filter))
  const newest = useGroups().data
  if (!list.data) {
    if (list.error) return <FailureNotice error={list.error} retry={() => void list.refetch()} />
    return <Skeleton className="h-96" />
  }
  const all = list.data.pages.flatMap(({ data }) => data)
  const shown = [...new Map(all.map((group) => [group.fingerprint, group])).values()]
  const plain = Object.values(filter).every((value) => value === '')
  const fits = (group: Group) =>
    (plain || shown.some(({ fingerprint }) => fingerprint === group.fingerprint)) && group
  const news = newest?.filter(fits)
  const { rows, fresh } = follow(shown, news && { rows: news, whole: false }, keyOf)
  if (rows.length === 0 && fresh === 0)
    return <Empty title={t('errors.empty')} text={t('errors.emptyText')} />
  return (
    <>
      {list.error && !list.isFetchNextPageError && (
        <Stale since={list.dataUpdatedAt} retry={() => void list.refetch()} />
      )}
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-2">
        <p role="status" className="text-sm text-muted">
          {t('errors.total', { count: list.data.pages[0]?.meta?.total ?? shown.length })}
        </p>
        {fresh > 0 && (
          <button
            type="button"
            onClick={() => void list.refetch()}
            className="min-h-8 rounded-full bg-info-soft px-3 text-sm font-semibold text-info hover:underline"
          >
            <span aria-hidden="true">▲ </span>
            {t('errors.new', { count: fresh })}
          </button>
        )}
      </div>
      <div className="rounded-xl border border-line bg-surface">
        <GroupTable groups={rows} onDone={onDone} />
      </div>
      <Older list={list} />
    </>
  )
}
