import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { describe } from '../../api/failure'
import { Link } from '../../app/navigation'
import { count } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Bar } from '../../parts/bar'
import { Button } from '../../parts/button'
import { useClose } from '../../parts/dialog'
import { Select, TextArea, TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { FailureNotice, Notice } from '../../parts/notice'
import { ACTIONS, ended, keyring, touched, type Action } from './actions'
import {
  act,
  beginBulk,
  bulkQuery,
  dryRun,
  type Bulk,
  type BulkAnswer,
  type Count,
  type JobFilter,
} from './api'
import { short, StateMark } from './kit'
import { useTexts } from './texts'

interface BulkFormProps {
  filter: JobFilter
  /** What is done; by default it is chosen. */
  fixed?: Action
  onDone: (words: string) => void
}

/** Of a filter's states only those that the action fits; without states the API chooses. */
const applied = (action: Action, filter: JobFilter): JobFilter => ({
  ...filter,
  state: touched(action, filter.state),
})

/** Something done to all jobs of a filter: first how many they are, then why, then how far it is. */
export function BulkForm({ filter, fixed, onDone }: BulkFormProps) {
  const { t } = useTexts()
  const close = useClose()
  // As it was when the dialog came up.
  const [wanted] = useState(filter)
  const possible = ACTIONS.filter(
    (action) => wanted.state.length === 0 || touched(action, wanted.state).length > 0,
  )
  const [action, setAction] = useState<Action>(fixed ?? possible[0] ?? 'retry')
  const [key] = useState(keyring)
  const dry = useQuery(dryRun(action, applied(action, wanted)))
  const begin = useMutation({
    mutationFn: (values: FormData) => {
      const reason = text(values, 'reason').trim()
      const rate = Number(text(values, 'per_second')) || undefined
      const about = applied(action, wanted)
      return beginBulk(action, about, reason, rate, key([action, about, reason, rate]))
    },
  })
  if (begin.data?.bulk) return <Progress begun={begin.data.bulk} onDone={onDone} />
  const fields = begin.error ? describe(begin.error).fields : {}
  const none = dry.data?.matched.count === 0
  return (
    <Form onSubmit={begin.mutate} error={begin.error} focus>
      {!fixed && (
        <Select
          label={t('bulk.action')}
          value={action}
          onChange={(event) => setAction(event.target.value as Action)}
          options={possible.map((action) => [action, t(`action.${action}`)] as const)}
        />
      )}
      <p>{t(`explained.${action}`)}</p>
      {dry.error ? (
        <FailureNotice error={dry.error} retry={() => void dry.refetch()} />
      ) : (
        <Matched answer={dry.data} />
      )}
      <TextArea
        label={t('reason')}
        name="reason"
        rows={2}
        maxLength={500}
        required
        hint={t('reasonHint')}
        error={fields.reason}
      />
      <TextField
        label={t('bulk.perSecond')}
        name="per_second"
        type="number"
        inputMode="numeric"
        min={1}
        max={1000}
        optional
        hint={t('bulk.perSecondHint')}
        error={fields.per_second}
      />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('translation:common.cancel')}</Button>
        {none || !dry.data ? (
          <Button look="primary" blocked>
            {t(`action.${action}`)}
          </Button>
        ) : (
          <Submit busy={begin.isPending} danger={action === 'discard' || action === 'cancel'}>
            <Begin action={action} matched={dry.data.matched} />
          </Submit>
        )}
      </div>
    </Form>
  )
}

function Begin({ action, matched }: { action: Action; matched: Count }) {
  const { t } = useTexts()
  const language = useLanguage()
  const many = count(matched.count, language) + (matched.capped ? '+' : '')
  return t('bulk.begin', { action: t(`action.${action}`), many, count: matched.count })
}

/** How many would be acted upon, and the newest of them. */
function Matched({ answer }: { answer: BulkAnswer | undefined }) {
  const { t } = useTexts()
  const language = useLanguage()
  if (!answer) return <p className="text-muted">{t('bulk.counting')}</p>
  const { matched, sample } = answer
  return (
    <div className="rounded-lg bg-sunken px-3 py-2 text-sm">
      <p role="status" className="font-medium">
        {matched.capped
          ? t('bulk.matchedCapped', { count: count(matched.count, language) })
          : t('bulk.matched', { count: matched.count })}
      </p>
      <ul className="mt-1">
        {sample.slice(0, 5).map(({ id, kind, state }) => (
          <li key={id} className="flex flex-wrap justify-between gap-x-3">
            <span>
              {kind} <span className="font-mono text-xs text-muted">{short(id)}</span>
            </span>
            <StateMark state={state} />
          </li>
        ))}
      </ul>
      {matched.count > 5 && <p className="mt-1 text-muted">{t('bulk.andOthers')}</p>}
    </div>
  )
}

/** Through all of them, or stopped; without a state its job is gone. */
export const isOver = ({ finished_at, state }: Bulk) => Boolean(finished_at) || !state || ended(state)

/** How far a bulk action is. */
export function useBulk(id: string) {
  return useQuery({
    ...bulkQuery(id),
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : 1_000),
  })
}

export function BulkBar({ bulk }: { bulk: Bulk }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { changed, skipped, matched } = bulk
  const through = changed + skipped
  const words = t('bulk.through', {
    done: count(through, language),
    total: count(Math.max(matched.count, through), language) + (matched.capped ? '+' : ''),
  })
  const part = bulk.finished_at ? 1 : Math.min(1, through / Math.max(1, matched.count))
  return (
    <div>
      <Bar part={part} label={words} className="h-2" />
      <p className="mt-1 text-sm text-muted tabular-nums">
        {words}
        {skipped > 0 && ` · ${t('bulk.skipped', { count: skipped })}`}
      </p>
    </div>
  )
}

function Progress({ begun, onDone }: { begun: Bulk; onDone: (words: string) => void }) {
  const { t } = useTexts()
  const close = useClose()
  const { data: bulk = begun, error } = useBulk(begun.id)
  const [key] = useState(keyring)
  const over = isOver(bulk)
  const words = bulk.finished_at
    ? t('bulk.finished', { count: bulk.changed })
    : t('bulk.stopped', { count: bulk.changed })
  const stop = useMutation({
    mutationFn: () => act(bulk.job_id, 'cancel', t('bulk.stopReason'), key('stop')),
  })
  useEffect(() => {
    if (over) onDone(words)
    // Said once, when it is over.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [over])
  return (
    <div className="space-y-4">
      <BulkBar bulk={bulk} />
      <div role="status">
        {over ? (
          <Notice tone={bulk.finished_at ? 'good' : 'warn'}>{words}</Notice>
        ) : (
          <p className="text-sm text-muted">{t('bulk.mayClose')}</p>
        )}
      </div>
      {(error ?? stop.error) && <FailureNotice error={error ?? stop.error} />}
      <div className="flex flex-wrap items-center justify-end gap-3">
        <Link to="/operations/bulk" className="mr-auto text-accent underline">
          {t('bulk.all')}
        </Link>
        {!over && (
          <Button look="danger" busy={stop.isPending} onClick={() => stop.mutate()}>
            {t('bulk.stop')}
          </Button>
        )}
        <Button look="primary" onClick={close}>
          {t('close')}
        </Button>
      </div>
    </div>
  )
}
