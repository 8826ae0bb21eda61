import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from '../../app/navigation'
import { dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { DialogButton } from '../../parts/dialog'
import { Notice } from '../../parts/notice'
import { Empty } from '../../parts/page'
import { keyring } from './actions'
import { runSchedule, schedulesQuery, type Schedule, type Tick } from './api'
import { dayName, when } from './cron'
import { Frame } from './frame'
import { Act, Ago, Moment, Reasoned, Shown, useDone } from './kit'
import { PauseButton, useKindName } from './pause'
import { useNow } from './reads'
import { useTexts } from './texts'
import { AllTicks, useBecame } from './ticks'

const LOOK_MS = 10_000
/** A scheduler looks every 5 s. */
const SILENT_MS = 60_000
/** Ticks that come with a schedule; there may be more. */
const SHOWN = 20

/** What comes due when, what became of it, and what is paused. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  const schedules = useQuery({ ...schedulesQuery, refetchInterval: LOOK_MS })
  return (
    <Frame title={t('schedules.title')} said={said}>
      <p className="max-w-3xl text-muted">{t('schedules.lead')}</p>
      <Shown query={schedules}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={t('schedules.empty')} text={t('schedules.emptyText')} />
          ) : (
            <>
              <Silent all={all} />
              <ul className="grid items-start gap-4 xl:grid-cols-2">
                {all.map((schedule) => (
                  <li key={schedule.name}>
                    <ScheduleCard schedule={schedule} onDone={done} />
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Shown>
    </Frame>
  )
}

/** Without a scheduler nothing comes due. */
function Silent({ all }: { all: readonly Schedule[] }) {
  const { t } = useTexts()
  const now = useNow()
  const seen = Math.max(...all.map(({ seen_at }) => (seen_at ? Date.parse(seen_at) : 0)))
  if (now - seen < SILENT_MS) return null
  return <Notice tone="bad">{t('schedules.silent')}</Notice>
}

interface ScheduleCardProps {
  schedule: Schedule
  onDone: (words: string) => void
}

function ScheduleCard({ schedule, onDone }: ScheduleCardProps) {
  const { t } = useTexts()
  const now = useNow()
  const kindName = useKindName()
  const [key] = useState(keyring)
  const { name, kind, expression, zone, pause, enabled, next, last, last_success_at: success } = schedule
  return (
    <article className="rounded-xl border border-line bg-surface p-4">
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h2 className="flex flex-wrap items-center gap-x-2 gap-y-1 font-semibold">
            {kindName(kind)}
            {pause && <Badge tone="warn">{t('schedules.paused')}</Badge>}
            {!enabled && <Badge>{t('schedules.off')}</Badge>}
          </h2>
          <p className="font-mono text-xs text-muted">{name}</p>
        </div>
        <div className="flex flex-wrap gap-2">
          <Act action={t('schedules.run')} about={name} title={t('schedules.runTitle', { name })}>
            <Reasoned
              action={t('schedules.run')}
              explanation={t('schedules.runText')}
              send={(_, reason) => runSchedule(name, reason, key([name, reason]))}
              onDone={() => onDone(t('schedules.ran', { name }))}
            />
          </Act>
          <PauseButton
            what={{ scope: 'schedule', name }}
            about={name}
            paused={Boolean(pause)}
            onDone={onDone}
          />
        </div>
      </div>
      <p className="mt-2 text-lg">
        <Plain expression={expression} />{' '}
        <span className="text-sm text-muted">
          {zone}
          {schedule.jitter_seconds > 0 && ` · ${t('schedules.jitter', { count: schedule.jitter_seconds })}`}
        </span>
      </p>
      {pause && (
        <p className="mt-1 text-sm text-warn">
          {pause.reason} · <Ago time={pause.paused_at} now={now} />
          {pause.expires_at && (
            <>
              {' · '}
              {t('queues.ends')} <Ago ahead time={pause.expires_at} now={now} />
            </>
          )}
        </p>
      )}
      <dl className="mt-3 grid gap-x-6 gap-y-2 text-sm sm:grid-cols-[auto_minmax(0,1fr)]">
        <div className="contents">
          <dt className="text-muted">{t('schedules.last')}</dt>
          <dd>
            <Ticks ticks={last} />
            <span className="text-muted">
              {success ? (
                <>
                  {t('schedules.success')} <Ago time={success} now={now} />
                </>
              ) : (
                t('schedules.noSuccess')
              )}
            </span>
            {last.length >= SHOWN && (
              <div className="mt-1">
                <DialogButton
                  small
                  look="quiet"
                  action={t('schedules.older')}
                  about={name}
                  title={t('schedules.olderTitle', { name })}
                >
                  <AllTicks name={name} />
                </DialogButton>
              </div>
            )}
          </dd>
        </div>
        <div className="contents">
          <dt className="text-muted">{t('schedules.next')}</dt>
          <dd>
            {!enabled || next.length === 0 ? (
              '–'
            ) : (
              <ul className="flex flex-wrap gap-x-3">
                {next.map((due, place) => (
                  <li key={due} className={place === 0 ? 'font-semibold' : 'text-muted'}>
                    <Moment time={due} />
                  </li>
                ))}
              </ul>
            )}
          </dd>
        </div>
        <div className="contents">
          <dt className="text-muted">{t('schedules.missed')}</dt>
          <dd>
            <CatchUp rule={schedule.catch_up} />
          </dd>
        </div>
      </dl>
    </article>
  )
}

/** A cron expression in words, where it is a usual one. */
function Plain({ expression }: { expression: string }) {
  const { t } = useTexts()
  const language = useLanguage()
  const due = when(expression)
  if (!due) return <code className="font-mono text-base">{expression}</code>
  if ('every' in due) return t(`cron.${due.every}`, { count: due.count })
  if ('hourlyAt' in due) return t('cron.hourlyAt', { at: due.hourlyAt })
  const { at, days, dayOfMonth } = due
  if (days === 'every') return t('cron.daily', { at })
  if (days === 'month') return t('cron.monthly', { at, day: dayOfMonth })
  const list = new Intl.ListFormat(language, { type: 'conjunction' })
  return t('cron.weekly', { at, days: list.format(days.map((day) => dayName(day, language))) })
}

function CatchUp({ rule }: { rule: string }) {
  const { t } = useTexts()
  if (rule === 'skip') return t('schedules.catchUp.skip')
  if (rule === 'once') return t('schedules.catchUp.once')
  const most = /^all:(\d+)$/.exec(rule)?.[1]
  return most ? t('schedules.catchUp.all', { count: Number(most) }) : rule
}

const LOOKS: Record<string, string> = {
  completed: 'bg-good',
  running: 'bg-info',
  discarded: 'bg-bad',
  quarantined: 'bg-viol',
  retryable: 'bg-warn',
  cancelled: 'bg-edge',
}

/** The last twenty times it came due, the newest at the right, each by what became of it. */
function Ticks({ ticks }: { ticks: readonly Tick[] }) {
  const { t } = useTexts()
  const language = useLanguage()
  const became = useBecame()
  if (ticks.length === 0) return <p>{t('schedules.never')}</p>
  return (
    <ul className="my-1 flex flex-wrap gap-1">
      {[...ticks].reverse().map((tick) => {
        const words = `${dateTime(tick.due, language)}: ${became(tick)}`
        // Due, and no job that could be looked at any more.
        const plain = tick.outcome === 'fired' || tick.outcome === 'manual' ? 'bg-good/40' : 'hatched'
        const look = (tick.job_state && LOOKS[tick.job_state]) ?? (tick.job_state ? 'bg-edge' : plain)
        const shape = `block size-6 rounded-sm inset-ring inset-ring-line ${look}`
        return (
          <li key={`${tick.due} ${tick.decided_at}`} title={words}>
            {tick.job_id && tick.job_state ? (
              <Link to={`/operations/jobs/${tick.job_id}`} className={shape}>
                <span className="sr-only">{words}</span>
              </Link>
            ) : (
              <span className={shape}>
                <span className="sr-only">{words}</span>
              </span>
            )}
          </li>
        )
      })}
    </ul>
  )
}
