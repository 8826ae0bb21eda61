import { memo } from 'react'
import { span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Link } from '../../app/navigation'
import { ended } from './actions'
import type { Job } from './api'
import { jobsAt } from './filter'
import { Ago, Moment, Name, short, StateMark, TABLE, TD, TH, TR } from './kit'
import { useNow } from './reads'
import { useRowKeys } from './row-keys'
import { useTexts } from './texts'

interface JobTableProps {
  /** What it is, for who cannot see it. */
  caption: string
  rows: readonly Job[]
  /** What is shown and does not belong there any more. */
  gone?: ReadonlySet<string>
  picked?: ReadonlySet<string>
  onPick?: (ids: string[], pick: boolean) => void
}

/** Jobs, a line each; on narrow screens what matters most of them. */
export function JobTable({ caption, rows, gone, picked, onPick }: JobTableProps) {
  const { t } = useTexts()
  const now = useNow()
  const table = useRowKeys()
  const all = rows.length > 0 && rows.every(({ id }) => picked?.has(id))
  return (
    <table ref={table} className={TABLE}>
      <caption className="sr-only">{caption}</caption>
      <thead>
        <tr>
          {onPick && (
            <th scope="col" className={`${TH} w-8`}>
              <Check
                label={t('jobs.pickAll')}
                checked={all}
                onChange={(pick) =>
                  onPick(
                    rows.map(({ id }) => id),
                    pick,
                  )
                }
              />
            </th>
          )}
          <th scope="col" className={TH}>
            {t('jobs.state')}
          </th>
          <th scope="col" className={TH}>
            {t('jobs.job')}
          </th>
          <th scope="col" className={`${TH} max-lg:hidden`}>
            {t('jobs.queue')}
          </th>
          <th scope="col" className={`${TH} max-2xl:hidden`}>
            {t('jobs.owner')}
          </th>
          <th scope="col" className={`${TH} text-right max-md:hidden`}>
            {t('jobs.runs')}
          </th>
          <th scope="col" className={`${TH} text-right max-md:hidden`}>
            {t('jobs.wait')}
          </th>
          <th scope="col" className={`${TH} text-right max-md:hidden`}>
            {t('jobs.run')}
          </th>
          <th scope="col" className={`${TH} text-right max-sm:hidden`}>
            {t('jobs.when')}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((job) => (
          <Row
            key={job.id}
            job={job}
            // What has ended does not change from one second to the next.
            now={ended(job.state) ? 0 : now}
            gone={gone?.has(job.id) ?? false}
            picked={picked?.has(job.id) ?? false}
            onPick={onPick}
          />
        ))}
      </tbody>
    </table>
  )
}

interface RowProps {
  job: Job
  now: number
  gone: boolean
  picked: boolean
  onPick?: (ids: string[], pick: boolean) => void
}

const Row = memo(function Row({ job, now, gone, picked, onPick }: RowProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const since = (time?: string | null) => (time ? Math.max(0, now - Date.parse(time)) : undefined)
  const waited = job.wait_ms ?? (job.state === 'available' ? since(job.run_at) : undefined)
  const ran = job.state === 'running' ? since(job.started_at) : job.run_ms
  return (
    <tr className={`${TR} ${picked ? 'bg-accent-soft' : 'hover:bg-sunken'} ${gone ? 'text-muted' : ''}`}>
      {onPick && (
        <td className={TD}>
          <Check
            label={`${t('jobs.pick')} ${job.kind} ${short(job.id)}`}
            checked={picked}
            onChange={(pick) => onPick([job.id], pick)}
          />
        </td>
      )}
      <td className={TD}>
        <StateMark state={job.state} />
        {gone && <span className="block text-xs">{t('jobs.gone')}</span>}
      </td>
      <td className={TD}>
        <Link
          to={`/operations/jobs/${job.id}`}
          className="inline-block min-h-6 font-semibold hover:text-accent hover:underline"
        >
          <Name of={job.kind} />{' '}
          <span className="font-mono text-xs font-normal text-muted">{short(job.id)}</span>
        </Link>
        {job.about && <span className="line-clamp-1 text-xs wrap-anywhere">{job.about.title}</span>}
        {job.error && job.state !== 'completed' && (
          <span className="line-clamp-1 text-xs wrap-anywhere text-muted" title={job.error}>
            {job.error}
          </span>
        )}
        {job.progress && job.state === 'running' && (
          <span className="block text-xs text-muted tabular-nums">
            {job.progress.total
              ? t('jobs.progress', { done: job.progress.done, total: job.progress.total })
              : job.progress.done}
          </span>
        )}
      </td>
      <td className={`${TD} max-lg:hidden`}>{job.queue}</td>
      <td className={`${TD} max-2xl:hidden`}>
        {job.tenant ? (
          <Link
            to={jobsAt({ tenant: job.tenant })}
            className={`text-xs hover:text-accent hover:underline ${job.owner ? '' : 'font-mono'}`}
          >
            {job.owner ?? short(job.tenant)}
          </Link>
        ) : (
          <span className="text-muted">{t('jobs.system')}</span>
        )}
      </td>
      <td className={`${TD} text-right tabular-nums max-md:hidden`}>{job.runs}</td>
      <td className={`${TD} text-right whitespace-nowrap tabular-nums max-md:hidden`}>
        {waited == null ? '–' : span(waited, language)}
      </td>
      <td className={`${TD} text-right whitespace-nowrap tabular-nums max-md:hidden`}>
        {ran == null ? '–' : span(ran, language)}
      </td>
      <td className={`${TD} text-right max-sm:hidden`}>
        <When job={job} now={now} />
      </td>
    </tr>
  )
})

/** When it ended, runs again or began: what its state makes one ask. */
function When({ job, now }: { job: Job; now: number }) {
  if (job.state === 'scheduled' || job.state === 'retryable') return <Ago ahead time={job.run_at} now={now} />
  if (ended(job.state) && job.finished_at) return <Moment time={job.finished_at} seconds />
  return <Moment time={(job.state === 'running' && job.started_at) || job.created_at} seconds />
}

interface CheckProps {
  label: string
  checked: boolean
  onChange: (checked: boolean) => void
}

function Check({ label, checked, onChange }: CheckProps) {
  return (
    <label className="-m-2 grid size-9 cursor-pointer place-items-center">
      <span className="sr-only">{label}</span>
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
        className="size-4 accent-accent max-sm:size-6"
      />
    </label>
  )
}
