import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from '../../app/navigation'
import { Empty } from '../../parts/page'
import { keyring } from './actions'
import { act, bulkPages, type Bulk } from './api'
import { BulkBar, isOver } from './bulk-form'
import { Frame } from './frame'
import { Older } from './job-list'
import { Act, Moment, Reasoned, Shown, StateMark, useDone } from './kit'
import { useTexts } from './texts'

/** While one is under way it is looked at so often. */
const LOOK_MS = 2_000

/** Actions on many jobs at once: how far each is, and a way to stop it. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  const list = useInfiniteQuery({
    ...bulkPages,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ data }) => data.some((bulk) => !isOver(bulk))) ? LOOK_MS : false,
  })
  return (
    <Frame title={t('sections.bulk')} said={said}>
      <p className="max-w-3xl text-muted">{t('bulk.lead')}</p>
      <Shown query={list}>
        {({ pages }) => {
          const all = pages.flatMap(({ data }) => data)
          if (all.length === 0) return <Empty title={t('bulk.empty')} text={t('bulk.emptyText')} />
          return (
            <>
              <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
                {all.map((bulk) => (
                  <li key={bulk.id} className="p-4">
                    <Row bulk={bulk} onDone={done} />
                  </li>
                ))}
              </ul>
              <Older list={list} />
            </>
          )
        }}
      </Shown>
    </Frame>
  )
}

interface RowProps {
  bulk: Bulk
  onDone: (words: string) => void
}

function Row({ bulk, onDone }: RowProps) {
  const { t } = useTexts()
  const [key] = useState(keyring)
  const { state } = bulk
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
          {state && <StateMark state={state} />}
          <span className="text-muted">
            <Moment time={bulk.created_at} />
          </span>
        </p>
        <p>{bulk.reason}</p>
        <p className="text-xs text-muted">{spelled(bulk.filter).join(' · ')}</p>
      </div>
      <BulkBar bulk={bulk} />
      <div className="md:w-24 md:text-right">
        {!isOver(bulk) && (
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

/** Of ids there may be a thousand. */
const FEW = 5

/** The document leaves the filter's fields open: each is shown as it is told. */
const spelled = (filter: object) =>
  Object.entries(filter).map(([name, value]) => {
    if (!Array.isArray(value)) return `${name}: ${String(value)}`
    return `${name}: ${value.slice(0, FEW).join(', ')}${value.length > FEW ? ` … (${value.length})` : ''}`
  })
