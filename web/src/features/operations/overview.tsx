import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Link } from '../../app/navigation'
import { count, span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { ButtonLink } from '../../parts/button'
import { Icon } from '../../parts/icon'
import { Skeleton } from '../../ui/skeleton'
import { newestJobs, outcomesQuery, type JobFilter, type Stats } from './api'
import { Sparkline } from './chart'
import { jobsAt, NOTHING } from './filter'
import { follow } from './follow'
import { Frame } from './frame'
import { GroupTable } from './group-table'
import { ageOf, health, openOf, type Verdict } from './health'
import { News } from './job-list'
import { JobTable } from './job-table'
import { Card, Shown, useDone } from './kit'
import { QueueTable } from './queue-table'
import { useGroups, useNow, useQueues, useWorkers } from './reads'
import { perMinute, sumOf } from './stats'
import { useTexts } from './texts'

/** Figures of the last hour are minutes old at most. */
const STATS_MS = 15_000
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

/** The one thing to know, and where to go about it. */
function Health() {
  const { t } = useTexts()
  const queues = useQueues().data
  const workers = useWorkers().data
  const groups = useGroups().data
  const now = useNow(5_000)
  if (!queues || !workers || !groups) return <Skeleton className="h-24" />
  const verdict = health(queues, workers, groups, now)
  const [look, mark, icon] = LOOKS[verdict.tone]
  return (
    <section
      aria-label={t('overview.health')}
      className={`flex flex-wrap items-start gap-x-4 gap-y-3 rounded-xl border p-4 sm:px-5 ${look}`}
    >
      <span className={`grid size-9 shrink-0 place-items-center rounded-full text-surface ${mark}`}>
        <Icon name={icon} />
      </span>
      <div className="min-w-48 flex-1">
        <p className="text-xl font-semibold tracking-tight text-balance">
          <Sentence verdict={verdict} now={now} />
        </p>
        <p className="mt-0.5 text-sm">
          <Detail verdict={verdict} reason={queues.paused?.reason ?? verdict.queues[0]?.paused?.reason} />
        </p>
      </div>
      <Way verdict={verdict} />
    </section>
  )
}

function Sentence({ verdict, now }: { verdict: Verdict; now: number }) {
  const { t } = useTexts()
  const language = useLanguage()
  const [worst] = verdict.queues
  const name = worst?.name ?? ''
  const others = verdict.queues.length - 1
  switch (verdict.kind) {
    case 'paused':
      return t('health.paused')
    case 'no-workers':
      return t('health.noWorkers')
    case 'unserved':
      return t('health.unserved', { name, count: others })
    case 'behind': {
      const minutes = Math.floor((worst ? ageOf(worst, now) : 0) / 60_000) * 60_000
      return t('health.behind', { name, count: others, time: span(minutes, language) })
    }
    case 'queues-paused':
      return t('health.queuesPaused', { name, count: others })
    case 'given-up':
      return t('health.givenUp', { count: verdict.open })
    case 'fine':
      return t('health.fine')
  }
}

function Detail({ verdict, reason = '' }: { verdict: Verdict; reason?: string }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { waiting, minutes, open, causes, kind } = verdict
  const open_ = open > 0 && kind !== 'given-up' ? t('health.open', { count: open }) : ''
  const pace =
    kind !== 'behind'
      ? ''
      : minutes === undefined
        ? t('health.noPace')
        : t('health.pace', { rate: count(verdict.perMinute, language), count: minutes })
  const parts = {
    paused: [reason, t('health.wait', { count: waiting })],
    'no-workers': [t('health.wait', { count: waiting }), t('health.startOne')],
    unserved: [t('health.wait', { count: waiting }), t('health.startOne')],
    behind: [t('health.wait', { count: waiting }), pace],
    'queues-paused': [reason, t('health.wait', { count: waiting })],
    'given-up': [t('health.causes', { count: causes })],
    fine: [t('health.wait', { count: waiting })],
  }[kind]
  return [...parts, open_].filter(Boolean).join(' ')
}

function Way({ verdict: { kind, queues } }: { verdict: Verdict }) {
  const { t } = useTexts()
  const to = (to: string, words: string) => (
    <ButtonLink small to={to}>
      {words}
    </ButtonLink>
  )
  if (kind === 'behind' || kind === 'unserved')
    return to(jobsAt({ state: ['available'], queue: queues[0]?.name ?? '' }), t('health.backlog'))
  if (kind === 'paused' || kind === 'queues-paused') return to('/operations/queues', t('health.toQueues'))
  if (kind === 'no-workers') return to('/operations/workers', t('health.toWorkers'))
  if (kind === 'given-up') return to('/operations/errors', t('health.toErrors'))
  return null
}

function Tiles() {
  const { t } = useTexts()
  const language = useLanguage()
  const now = useNow(1_000)
  const queues = useQueues().data
  const groups = useGroups().data
  const stats = useQuery({ ...outcomesQuery, refetchInterval: STATS_MS }).data
  const oldest = queues && Math.max(0, ...queues.queues.map((queue) => ageOf(queue, now)))
  const given = groups && openOf(groups)
  return (
    <div className="grid grid-cols-2 gap-3 xl:grid-cols-4">
      <Tile
        name={t('overview.oldest')}
        value={oldest === undefined ? undefined : oldest === 0 ? '–' : span(oldest, language)}
        look={oldest !== undefined && oldest > 60_000 ? 'text-warn' : ''}
      />
      <Tile
        name={t('overview.perMinute')}
        value={stats && count(Math.round(sumOf(stats, ['completed']) / 60), language)}
        chart={stats && <Curve stats={stats} of={['completed']} look="text-accent" />}
      />
      <Tile
        name={t('overview.failed')}
        value={stats && count(sumOf(stats, FAILED), language)}
        beside={stats && t('overview.of', { all: count(sumOf(stats), language) })}
        chart={stats && sumOf(stats, FAILED) > 0 && <Curve stats={stats} of={FAILED} look="text-warn" />}
      />
      <Tile
        name={t('overview.givenUp')}
        value={given === undefined ? undefined : count(given, language)}
        look={given ? 'text-bad' : ''}
        beside={
          groups && t('overview.inCauses', { count: groups.filter(({ open }) => open.count > 0).length })
        }
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
