import { useQuery } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { STAY } from '../../app/history'
import { Link, useNavigate, useSearchParams } from '../../app/navigation'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { TextField } from '../../parts/field'
import { text } from '../../parts/form'
import { Empty } from '../../parts/page'
import { Pager } from '../../parts/pager'
import { auditPage, type AuditRow } from './api'
import { ACTIONS } from './audit-actions'
import { auditAt, isAction, isPerson, readAudit, type AuditFilter } from './audit-filter'
import { entriesOf, Fields } from './fields'
import { Frame } from './frame'
import { Moment, short, Shown, TABLE, TD, TH, TR } from './kit'
import { Person } from './person'
import { useTexts } from './texts'

/** Who did what, and why: the newest first. */
export function Component() {
  const { t } = useTexts()
  const navigate = useNavigate()
  const [params] = useSearchParams()
  const filter = readAudit(params)
  const query = useQuery(auditPage(filter))
  const change = (changed: Partial<AuditFilter>) =>
    void navigate(auditAt({ ...filter, page: 1, ...changed }), STAY)
  return (
    <Frame title={t('audit.title')}>
      <p className="max-w-3xl text-muted">{t('audit.lead')}</p>
      <Filter key={auditAt({ ...filter, page: 1 })} filter={filter} onChange={change} />
      <Shown query={query}>
        {({ data: rows, meta }) => (
          <>
            <p role="status" className="text-sm text-muted">
              {t(meta?.total_capped ? 'audit.totalCapped' : 'audit.total', {
                count: meta?.total ?? rows.length,
              })}
            </p>
            {rows.length === 0 ? (
              <Empty title={t('audit.empty')} text={t('audit.emptyText')} />
            ) : (
              <Rows rows={rows} old={query.isPlaceholderData} />
            )}
            <Pager meta={meta ?? {}} to={(page) => auditAt({ ...filter, page })} />
          </>
        )}
      </Shown>
    </Frame>
  )
}

/** What the log is narrowed to; it applies when it is sent. */
function Filter({
  filter,
  onChange,
}: {
  filter: AuditFilter
  onChange: (changed: Partial<AuditFilter>) => void
}) {
  const { t } = useTexts()
  const actions = useId()
  const [wrong, setWrong] = useState<{ action?: string; user_id?: string }>({})
  const submit = (values: FormData) => {
    const action = text(values, 'action').trim()
    const user_id = text(values, 'user_id').trim()
    const said = {
      ...(action === '' || isAction(action) ? {} : { action: t('chips.unsound') }),
      ...(user_id === '' || isPerson(user_id) ? {} : { user_id: t('chips.unsound') }),
    }
    setWrong(said)
    if (Object.keys(said).length === 0) onChange({ action, user_id })
  }
  return (
    <search>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          submit(new FormData(event.currentTarget))
        }}
        className="grid items-start gap-3 sm:grid-cols-2 xl:grid-cols-[16rem_24rem_auto] xl:items-end"
      >
        <TextField
          label={t('audit.action')}
          name="action"
          list={actions}
          defaultValue={filter.action}
          maxLength={64}
          autoComplete="off"
          error={wrong.action}
        />
        <datalist id={actions}>
          {ACTIONS.map((action) => (
            <option key={action} value={action} />
          ))}
        </datalist>
        <TextField
          label={t('audit.personId')}
          name="user_id"
          defaultValue={filter.user_id}
          autoComplete="off"
          error={wrong.user_id}
        />
        <div className="flex flex-wrap gap-3 sm:col-span-2 xl:col-span-1">
          <Button type="submit" look="primary">
            {t('chips.apply')}
          </Button>
          {(filter.action !== '' || filter.user_id !== '') && (
            <Button look="quiet" onClick={() => onChange({ action: '', user_id: '' })}>
              {t('chips.reset')}
            </Button>
          )}
        </div>
      </form>
    </search>
  )
}

function Rows({ rows, old }: { rows: readonly AuditRow[]; old: boolean }) {
  const { t } = useTexts()
  return (
    <div aria-busy={old} className={`rounded-xl border border-line bg-surface ${old ? 'opacity-60' : ''}`}>
      <table className={TABLE}>
        <caption className="sr-only">{t('audit.title')}</caption>
        <thead>
          <tr>
            <th scope="col" className={TH}>
              {t('audit.when')}
            </th>
            <th scope="col" className={TH}>
              {t('audit.action')}
            </th>
            <th scope="col" className={TH}>
              {t('audit.who')}
            </th>
            <th scope="col" className={`${TH} max-md:hidden`}>
              {t('audit.target')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} className={`${TR} align-top`}>
              <td className={TD}>
                <Moment time={row.created_at} seconds />
              </td>
              <td className={TD}>
                <What row={row} />
              </td>
              <td className={TD}>
                {row.actor_id ? (
                  <Person id={row.actor_id} />
                ) : (
                  <span className="text-muted">{t('audit.nobody')}</span>
                )}
              </td>
              <td className={`${TD} max-md:hidden`}>
                <Target row={row} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** What was done and why, and all else that the row has. */
function What({ row }: { row: AuditRow }) {
  const { t } = useTexts()
  const { action, result, details, seq } = row
  const reason = entriesOf(details).find(([name]) => name === 'reason')?.[1]
  const facts: readonly (readonly [string, string | number | null | undefined])[] = [
    [t('audit.number'), seq],
    [t('audit.network'), row.ip_prefix],
    [t('audit.browser'), row.user_agent],
    [t('audit.request'), row.request_id],
    [t('audit.hash'), row.hash],
  ]
  return (
    <>
      <span className="font-mono font-semibold wrap-anywhere">{action}</span>{' '}
      {result !== 'ok' && <Badge tone="bad">{t(`audit.result.${result as 'denied' | 'failed'}`)}</Badge>}
      {typeof reason === 'string' && <span className="block wrap-anywhere text-muted">{reason}</span>}
      <details className="mt-0.5">
        <summary className="min-h-6 cursor-pointer text-xs text-muted hover:text-accent">
          {t('audit.more')}
          <span className="sr-only"> ({`${action} ${seq}`})</span>
        </summary>
        <div className="mt-1 space-y-2">
          <p className="text-xs md:hidden">
            <Target row={row} />
          </p>
          <Fields of={details} />
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 text-xs">
            {facts.map(([name, value]) =>
              value == null ? null : (
                <div key={name} className="contents">
                  <dt className="text-muted">{name}</dt>
                  <dd className="wrap-anywhere">{value}</dd>
                </div>
              ),
            )}
          </dl>
        </div>
      </details>
    </>
  )
}

/** Where what has a page of its own is found. */
const PAGES: Partial<Record<string, string>> = {
  job: '/operations/jobs/',
  bulk_action: '/operations/jobs/',
  nano: '/nanos/',
  user: '/operations/users/',
}

function Target({ row: { target_type: type, target_id: id } }: { row: AuditRow }) {
  const page = PAGES[type]
  const words = (
    <>
      {type} {id && <span className="font-mono text-xs">{short(id)}</span>}
    </>
  )
  if (!id || !page) return words
  return (
    <Link to={page + id} className="hover:text-accent hover:underline">
      {words}
    </Link>
  )
}
