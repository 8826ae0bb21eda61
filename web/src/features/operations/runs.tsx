import { span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import type { Attempt } from './api'
import { Moment, TABLE, TD, TH, TR } from './kit'
import { useTexts } from './texts'

const OUTCOMES = [
  'completed',
  'retry',
  'snoozed',
  'cancelled',
  'discarded',
  'lost',
  'handed_back',
  'parked',
  'crashed',
] as const

const TONES: Record<string, 'good' | 'warn' | 'bad' | 'plain'> = {
  completed: 'good',
  retry: 'warn',
  snoozed: 'plain',
  discarded: 'bad',
  crashed: 'bad',
  lost: 'warn',
}

/** The recorded runs, the newest first, each with what it said. */
export function Runs({ attempts }: { attempts: readonly Attempt[] }) {
  const { t } = useTexts()
  if (attempts.length === 0) return <p className="text-muted">{t('job.noRuns')}</p>
  return (
    <div className="-mx-4 -mb-4">
      <table className={TABLE}>
        <caption className="sr-only">{t('job.runs')}</caption>
        <thead>
          <tr>
            <th scope="col" className={TH}>
              {t('job.run')}
            </th>
            <th scope="col" className={TH}>
              {t('job.started')}
            </th>
            <th scope="col" className={`${TH} max-sm:hidden`}>
              {t('job.took')}
            </th>
            <th scope="col" className={`${TH} max-md:hidden`}>
              {t('workers.worker')}
            </th>
            <th scope="col" className={`${TH} max-md:hidden`}>
              {t('job.version')}
            </th>
            <th scope="col" className={TH}>
              {t('job.end')}
            </th>
          </tr>
        </thead>
        {[...attempts].reverse().map((attempt, place, all) => (
          <Run key={attempt.run} attempt={attempt} newer={all[place - 1]?.error} />
        ))}
      </table>
    </div>
  )
}

/** An error that is the same as that of the run after it is not said again. */
function Run({ attempt, newer }: { attempt: Attempt; newer?: string | null }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { run, started_at, finished_at, worker, version, logs } = attempt
  // A plain first success is recorded without one.
  const outcome = attempt.outcome ?? (finished_at ? 'completed' : undefined)
  const error = attempt.error === newer ? null : attempt.error
  const known = OUTCOMES.find((word) => word === outcome)
  const took = started_at && finished_at ? Date.parse(finished_at) - Date.parse(started_at) : undefined
  return (
    <tbody>
      <tr className={TR}>
        <td className={`${TD} tabular-nums`}>{run}</td>
        <td className={TD}>{started_at ? <Moment time={started_at} seconds /> : '–'}</td>
        <td className={`${TD} whitespace-nowrap tabular-nums max-sm:hidden`}>
          {took === undefined ? '–' : span(took, language)}
        </td>
        <td className={`${TD} font-mono text-xs wrap-anywhere max-md:hidden`}>{worker ?? '–'}</td>
        <td className={`${TD} max-md:hidden`}>{version ?? '–'}</td>
        <td className={TD}>
          {outcome ? (
            <Badge tone={TONES[outcome] ?? 'plain'}>{known ? t(`outcome.${known}`) : outcome}</Badge>
          ) : (
            '–'
          )}
        </td>
      </tr>
      {(error || logs.length > 0) && (
        <tr>
          <td colSpan={6} className="px-4 pb-3 wrap-anywhere">
            {error && <p className="mb-2 whitespace-pre-line">{error}</p>}
            {logs.length > 0 && <Log logs={logs} />}
          </td>
        </tr>
      )}
    </tbody>
  )
}

const LEVELS: Record<string, string> = { error: 'text-bad font-semibold', warn: 'text-warn font-semibold' }

function Log({ logs }: { logs: Attempt['logs'] }) {
  const language = useLanguage()
  const clock = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  })
  return (
    <ul className="rounded-lg bg-sunken px-3 py-2 font-mono text-xs leading-5">
      {logs.map(({ seq, at, level, message, fields }) => (
        <li key={seq}>
          <time dateTime={at} className="text-muted">
            {clock.format(new Date(at))}
          </time>{' '}
          <span className={LEVELS[level] ?? 'text-muted'}>{level.toUpperCase()}</span> {message}
          <Fields fields={fields} />
        </li>
      ))}
    </ul>
  )
}

/** Names and values beside a line; what must not be seen comes as `[redacted]`. */
function Fields({ fields }: { fields: unknown }) {
  if (typeof fields !== 'object' || fields === null) return null
  return Object.entries(fields).map(([name, value]) => (
    <span key={name} className="text-muted">
      {' '}
      {name}={typeof value === 'string' ? value : JSON.stringify(value)}
    </span>
  ))
}
