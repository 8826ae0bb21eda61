import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Link } from '../../app/navigation'
import { count, span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { ButtonLink } from '../../parts/button'
import { Icon } from '../../parts/icon'
import { Skeleton } from '../../ui/skeleton'
import { newestJobs, type Health as Verdict, type JobFilter, type Stats } from './api'
import { Sparkline } from './chart'
import { jobsAt, NOTHING } from './filter'
import { follow } from './follow'
import { Frame } from './frame'
import { GroupTable } from './group-table'
import { News } from './job-list'
import { JobTable } from './job-table'
import { Card, Shown, useDone } from './kit'
import { QueueTable } from './queue-table'
import { useGroups, useNow, useOverview, useQueues } from './reads'
import { perMinute, sumOf } from './stats'
import { useTexts } from './texts'

const JOBS_MS = 3_000
const FEW = 5

/** Of what moves or failed, the newest. */
const MOVING: JobFilter = { ...NOTHING, state: ['running', 'retryable', 'discarded', 'quarantined'] }

/** How everything is, and what to look after first. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  const queues = useQueues()
  const groups = useGroups()
  return (
    <Frame
      title={t('sections.overview')}
      said={said}
      live
      actions={<p className="text-sm text-muted">{t('overview.window')}</p>}
    >
      <Health />
      <Tiles />
      <div className="grid items-start gap-4 xl:grid-cols-[1.5fr_1fr]">
        <Card flush title={<Link to="/operations/queues">{t('sections.queues')}</Link>}>
          <Shown query={queues}>{({ queues }) => <QueueTable queues={queues} />}</Shown>
        </Card>
        <Card flush title={<Link to="/operations/errors">{t('overview.causes')}</Link>}>
          <Shown query={groups}>
            {(groups) =>
              groups.length === 0 ? (
                <p className="px-4 pb-4 text-muted">{t('overview.noCauses')}</p>
              ) : (
                <GroupTable brief groups={groups.slice(0, FEW)} onDone={done} />
              )
            }
          </Shown>
        </Card>
      </div>
      <Moving />
    </Frame>
  )
}

/** What moves or failed: as it was when the page came up, each row as it is by now. */
function Moving() {
  const { t } = useTexts()
  const query = useQuery({ ...newestJobs(MOVING, 10), refetchInterval: JOBS_MS })
  const newest = query.data?.data
  const [shown, setShown] = useState(newest)
  // Nothing jumps where there was nothing.
  if (newest && newest !== shown && !shown?.length) setShown(newest)
  const followed = follow(shown ?? [], newest && { rows: newest, whole: newest.length < 10 }, ({ id }) => id)
  return (
    <Card
      flush
      title={t('overview.moving')}
      beside={
        <span className="flex flex-wrap gap-2">
          <News {...followed} onShow={() => setShown(newest)} />
          <ButtonLink small to="/operations/jobs">
            {t('overview.allJobs')}
          </ButtonLink>
        </span>
      }
    >
      <Shown query={query}>
        {() =>
          followed.rows.length === 0 ? (
            <p className="px-4 pb-4 text-muted">{t('overview.still')}</p>
          ) : (
            <JobTable caption={t('overview.moving')} rows={followed.rows} gone={followed.gone} />
          )
        }
      </Shown>
    </Card>
  )
}

const LOOKS = {
  good: ['border-good/25 bg-good-soft', 'bg-good', 'check'],
  warn: ['border-warn/25 bg-warn-soft', 'bg-warn', 'warning'],
  bad: ['border-bad/25 bg-bad-soft', 'bg-bad', 'warning'],
} as const

/** The one thing to know, as the server says it, and where to go about it. */
function Health() {
  const { t } = useTexts()
  const language = useLanguage()
  const health = useOverview().data?.health
  if (!health) return <Skeleton className="h-24" />
  const [look, mark, icon] = LOOKS[health.tone]
  return (
    <section
      aria-label={t('overview.health')}
      className={`flex flex-wrap items-start gap-x-4 gap-y-3 rounded-xl border p-4 sm:px-5 ${look}`}
    >
      <span className={`grid size-9 shrink-0 place-items-center rounded-full text-surface ${mark}`}>
        <Icon name={icon} />
      </span>
      <div className="min-w-48 flex-1">
        <p className="text-xl font-semibold tracking-tight text-balance wrap-anywhere">
          {health.sentence[language]}
        </p>
        <p className="mt-0.5 text-sm wrap-anywhere">{health.detail[language]}</p>
      </div>
      <Way health={health} />
    </section>
  )
}

function Way({ health: { verdict, queues } }: { health: Verdict }) {
  const { t } = useTexts()
  const to = (to: string, words: string) => (
    <ButtonLink small to={to}>
      {words}
    </ButtonLink>
  )
  if (verdict === 'behind' || verdict === 'unserved')
    return to(jobsAt({ state: ['available'], queue: queues[0] ?? '' }), t('health.backlog'))
  if (verdict === 'paused' || verdict === 'queues_paused')
    return to('/operations/queues', t('health.toQueues'))
  if (verdict === 'no_workers') return to('/operations/workers', t('health.toWorkers'))
  if (verdict === 'given_up') return to('/operations/errors', t('health.toErrors'))
  return null
}

function Tiles() {
  const { t } = useTexts()
  const language = useLanguage()
  const now = useNow(1_000)
  const overview = useOverview().data
  const figures = overview?.figures
  const runs = overview?.runs
  const since = figures?.oldest_available_at
  const oldest = since ? Math.max(0, now - Date.parse(since)) : 0
  return (
    <div className="grid grid-cols-2 gap-3 xl:grid-cols-4">
      <Tile
        name={t('overview.oldest')}
        value={figures && (oldest === 0 ? '–' : span(oldest, language))}
        look={oldest > 60_000 ? 'text-warn' : ''}
      />
      <Tile
        name={t('overview.perMinute')}
        value={runs && count(Math.round(sumOf(runs, ['completed']) / 60), language)}
        chart={runs && <Curve stats={runs} of={['completed']} look="text-accent" />}
      />
      <Tile
        name={t('overview.failed')}
        value={runs && count(sumOf(runs, FAILED), language)}
        beside={runs && t('overview.of', { all: count(sumOf(runs), language) })}
        chart={runs && sumOf(runs, FAILED) > 0 && <Curve stats={runs} of={FAILED} look="text-warn" />}
      />
      <Tile
        name={t('overview.givenUp')}
        value={figures && count(figures.open.count, language)}
        look={figures && figures.open.count > 0 ? 'text-bad' : ''}
        beside={figures && t('overview.inCauses', { count: figures.open_causes })}
      />
    </div>
  )
}

/** Runs that failed by their own fault. */
const FAILED = ['retry', 'discarded', 'crashed']

function Curve({ stats, of, look }: { stats: Stats; of: readonly string[]; look: string }) {
  return <Sparkline values={perMinute(stats, of)} look={look} />
}

interface TileProps {
  name: string
  value: string | undefined
  beside?: string
  look?: string
  chart?: ReactNode
}

function Tile({ name, value, beside, look = '', chart }: TileProps) {
  return (
    <div className="flex flex-col justify-between rounded-xl border border-line bg-surface px-4 py-3">
      <p className="text-sm text-muted">{name}</p>
      <div className="flex items-end justify-between gap-x-3">
        <p className="min-w-0">
          <span className={`text-2xl font-bold tracking-tight tabular-nums ${look}`}>{value ?? '…'}</span>{' '}
          <span className="text-sm text-muted">{beside}</span>
        </p>
        {chart && <span className="max-sm:hidden">{chart}</span>}
      </div>
    </div>
  )
}
