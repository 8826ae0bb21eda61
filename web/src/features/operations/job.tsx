import { useQuery } from '@tanstack/react-query'
import { isGone } from '../../api/failure'
import { Link, useParams } from '../../app/navigation'
import { count, span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Bar } from '../../parts/bar'
import { Copy } from '../../parts/copy'
import { FailureNotice } from '../../parts/notice'
import { Empty, Loading } from '../../parts/page'
import { Stale } from '../../parts/stale'
import { ended } from './actions'
import {
  jobInWords,
  jobQuery,
  similarQuery,
  type Job,
  type JobDetail,
  type JobInWords,
  type JobState,
  type Similar,
} from './api'
import { BulkForm } from './bulk-form'
import { entriesOf, Fields } from './fields'
import { jobsAt, NOTHING } from './filter'
import { Flow } from './flow'
import { Frame } from './frame'
import { stuck } from './group-table'
import { JobActions } from './job-actions'
import { Act, Ago, Card, Moment, short, StateMark, useDone } from './kit'
import { Lanes } from './lanes'
import { useKindName } from './pause'
import { Person } from './person'
import { useNow } from './reads'
import { Runs } from './runs'
import { useTexts } from './texts'

/** A running job is looked at so often, one that waits less. */
const LOOK_MS = 2_000
const LOOK_AGAIN_MS = 5_000

const pace = (state: JobState | undefined) => {
  if (!state || ended(state)) return false as const
  return state === 'running' || state === 'available' ? LOOK_MS : LOOK_AGAIN_MS
}

/** One job: why it stands where it does, what ran when, and what can be done. */
export function Component() {
  const { t } = useTexts()
  const { id = '' } = useParams()
  const [said, done] = useDone()
  const query = useQuery({
    ...jobQuery(id),
    staleTime: 0,
    refetchInterval: ({ state }) => pace(state.data?.state),
  })
  const { data: job, error, refetch, dataUpdatedAt } = query
  const kindName = useKindName()
  if (!job && !error) return <Loading />
  if (!job) {
    return (
      <Frame title={t('job.title')}>
        {isGone(error) ? (
          <Empty title={t('job.gone')} text={t('job.goneText')} />
        ) : (
          <FailureNotice error={error} retry={() => void refetch()} />
        )}
      </Frame>
    )
  }
  return (
    <Frame
      title={`${kindName(job.kind)} ${short(job.id)}`}
      heading={
        <>
          {kindName(job.kind)}
          <span className="font-mono text-base font-normal tracking-normal text-muted">{short(job.id)}</span>
        </>
      }
      actions={<JobActions job={job} onDone={done} />}
      said={said}
    >
      {error && <Stale since={dataUpdatedAt} retry={() => void refetch()} />}
      <Standing job={job} />
      <Body job={job} onDone={done} />
    </Frame>
  )
}

/** Its state, and what it is about. */
function Standing({ job }: { job: JobDetail }) {
  const { t } = useTexts()
  return (
    <p className="-mt-2 flex flex-wrap items-center gap-x-3 gap-y-1">
      <StateMark state={job.state} />
      <About job={job} />
      <Link to={jobsAt({ queue: job.queue })} className="text-muted hover:text-accent hover:underline">
        {t('job.inQueue', { queue: job.queue })}
      </Link>
      {job.stop_requested && (
        <span className="text-warn">{t('job.stopping', { reason: job.stop_requested.reason })}</span>
      )}
    </p>
  )
}

function About({ job }: { job: JobDetail }) {
  const { t } = useTexts()
  const { about, owner } = job
  if (!about) return null
  const { nano_id: id, title } = about
  return (
    <Link to={`/nanos/${id}`} className="hover:text-accent hover:underline">
      {owner ? t('job.aboutOf', { title, name: owner }) : t('job.about', { title })}
    </Link>
  )
}

function Body({ job, onDone }: { job: JobDetail; onDone: (words: string) => void }) {
  const { t } = useTexts()
  const words = useQuery({
    ...jobInWords(job.id),
    staleTime: 0,
    refetchInterval: job.state === 'available' || job.state === 'blocked' ? LOOK_AGAIN_MS : false,
  }).data
  const failed = job.error && job.state !== 'completed'
  const similar = useQuery({
    ...similarQuery(job.id),
    enabled: Boolean(failed && job.fingerprint),
    // A cause is written down some seconds after the failure.
    refetchInterval: ({ state }) => (state.data && !state.data.cause ? LOOK_AGAIN_MS : false),
  }).data
  // The job that waits for it, whose other jobs are those beside it.
  const parent = useQuery({
    ...jobQuery(job.parent_id ?? ''),
    enabled: Boolean(job.parent_id),
    refetchInterval: pace(job.state),
  }).data
  const beside: readonly Job[] = parent ? parent.children : [job]
  const own = beside.some(({ id }) => id === job.id) ? beside : [job]
  const rows = [job.children, own.map((other) => (other.id === job.id ? job : other)), parent ? [parent] : []]
  const flow = rows.filter((row) => row.length > 0)
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_20rem]">
      <div className="min-w-0 space-y-4">
        {(failed || words?.trouble) && <Cause job={job} words={words} similar={similar} onDone={onDone} />}
        {failed && similar && similar.jobs.length > 0 && <Alike similar={similar} />}
        {words?.waiting && <Waits waiting={words.waiting} job={job} />}
        {job.progress && job.state === 'running' && <HowFar progress={job.progress} />}
        <Card title={t('job.lanes')}>
          <Lanes jobs={flow.flat()} own={job.id} attempts={job.attempts} />
        </Card>
        <Card title={t('job.runs')}>
          <Runs attempts={job.attempts} />
        </Card>
        <Card title={t('job.timeline')}>
          <Timeline job={job} />
        </Card>
      </div>
      <div className="min-w-0 space-y-4">
        {flow.length > 1 && (
          <Card title={t('job.flowTitle')}>
            <Flow rows={flow} own={job.id} />
          </Card>
        )}
        <Card title={t('job.facts')}>
          <Facts job={job} />
        </Card>
        {job.effects.length > 0 && (
          <Card title={t('job.effects')}>
            <Effects job={job} />
          </Card>
        )}
        <Card title={t('job.arguments')}>
          {entriesOf(job.arguments).length === 0 ? (
            <p className="text-sm text-muted">{t('job.noArguments')}</p>
          ) : (
            <Fields of={job.arguments} />
          )}
        </Card>
      </div>
    </div>
  )
}

interface CauseProps {
  job: JobDetail
  words: JobInWords | undefined
  similar: Similar | undefined
  onDone: (words: string) => void
}

/** Why it is where it is: what the run said, what that means, and who else has it. */
function Cause({ job, words, similar, onDone }: CauseProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const now = useNow(5_000)
  const bad = job.state === 'discarded' || job.state === 'quarantined'
  const look = bad ? 'border-bad bg-bad-soft' : 'border-warn bg-warn-soft'
  const group = similar?.cause
  const all = group && stuck(group)
  return (
    <Card title={t('job.why')}>
      <div className={`rounded-r-lg border-l-4 px-4 py-2.5 ${look}`}>
        {job.error && <p className="font-semibold whitespace-pre-line">{job.error}</p>}
        {words?.trouble && <p className="text-sm">{words.trouble.text}</p>}
        {(job.state === 'retryable' || job.state === 'scheduled') && (
          <p className="text-sm">
            {t('job.again')} <Ago ahead time={job.run_at} now={now} />.
          </p>
        )}
      </div>
      {group && all && (
        <div className="mt-3 flex flex-wrap items-center gap-x-4 gap-y-2 text-sm text-muted">
          <p>
            {t('job.alike', { count: all.count })} · {t('errors.first')}{' '}
            <Ago time={group.first_seen} now={now} /> ({group.first_version}){' · '}
            <Link
              to={`/operations/errors?fingerprint=${group.fingerprint}`}
              className="font-semibold text-accent hover:underline"
            >
              {t('job.openCause')}
            </Link>
          </p>
          {all.count > 1 && (
            <Act
              action={t('job.retryAll', { many: count(all.count, language) + (all.capped ? '+' : '') })}
              title={t('errors.retryTitle')}
            >
              <BulkForm
                filter={{ ...NOTHING, fingerprint: group.fingerprint }}
                fixed="retry"
                onDone={onDone}
              />
            </Act>
          )}
        </div>
      )}
    </Card>
  )
}

/** The newest others that failed of the same cause. */
function Alike({ similar: { jobs, total } }: { similar: Similar }) {
  const { t } = useTexts()
  const language = useLanguage()
  const fingerprint = jobs[0]?.fingerprint ?? ''
  // It is one of them itself.
  const others = Math.max(jobs.length, total.count - 1)
  return (
    <Card
      title={t('job.similar')}
      beside={
        others > jobs.length && (
          <Link to={jobsAt({ fingerprint })} className="text-sm font-semibold text-accent hover:underline">
            {t('job.allSimilar', { many: count(others, language) + (total.capped ? '+' : '') })}
          </Link>
        )
      }
    >
      <ul className="space-y-1 text-sm">
        {jobs.map(({ id, state, about, finished_at, started_at, created_at }) => (
          <li key={id} className="flex flex-wrap items-baseline gap-x-3">
            <Moment time={finished_at ?? started_at ?? created_at} seconds />
            <StateMark state={state} />
            <Link
              to={`/operations/jobs/${id}`}
              className="min-h-6 font-medium wrap-anywhere hover:text-accent hover:underline"
            >
              {about?.title} <span className="font-mono text-xs font-normal text-muted">{short(id)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  )
}

/** Its place, and how long it may take until it begins. */
function Waits({ waiting, job }: { waiting: NonNullable<JobInWords['waiting']>; job: JobDetail }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { estimate, no_estimate: none, place, tenants } = waiting
  const seconds = (value: number) => span(value * 1000, language)
  return (
    <Card title={t('job.waits')}>
      <p>
        {place != null && `${t('job.place', { place: count(place, language), count: tenants ?? 1 })} `}
        {estimate &&
          t('job.estimate', { from: seconds(estimate.from_seconds), to: seconds(estimate.to_seconds) })}
        {none && t(`job.noEstimate.${none}`)}
      </p>
      {(none === 'paused' || none === 'limited') && (
        <p className="mt-1 text-sm">
          <Link to="/operations/queues" className="text-accent underline">
            {t('health.toQueues')}
          </Link>
        </p>
      )}
      {none === 'no_worker' && (
        <p className="mt-1 text-sm">
          <Link to="/operations/workers" className="text-accent underline">
            {t('job.whoServes', { queue: job.queue })}
          </Link>
        </p>
      )}
    </Card>
  )
}

function HowFar({ progress }: { progress: NonNullable<JobDetail['progress']> }) {
  const { t } = useTexts()
  const { done, total, note } = progress
  const words = total ? t('jobs.progress', { done, total }) : String(done)
  return (
    <Card title={t('job.progress')}>
      {total ? <Bar part={Math.min(1, done / total)} label={words} className="mb-1 h-2" /> : null}
      <p className="text-sm text-muted tabular-nums">
        {words} {note}
      </p>
    </Card>
  )
}

const EVENTS = [
  'created',
  'started',
  'ended',
  'retry',
  'cancel',
  'discard',
  'rerun',
  'change',
  'finished',
] as const

/** What happened, and what people did to it and why. */
function Timeline({ job }: { job: JobDetail }) {
  const { t } = useTexts()
  return (
    <ol className="space-y-1.5 text-sm">
      {job.timeline.map(({ at, event, run, what, actor, reason }, place) => {
        const known = EVENTS.find((word) => word === event)
        return (
          <li
            // Several things may happen at the same time.
            key={place}
            className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4"
          >
            <span className="text-muted">
              <Moment time={at} seconds />
            </span>
            <span>
              <span className="font-medium">{known ? t(`event.${known}`, { count: run ?? 0 }) : event}</span>
              {what && <span className="text-muted"> → {what}</span>}
              {/* What a run said stands with the run. */}
              {reason && event !== 'ended' && <span className="block text-muted">{reason}</span>}
              {actor && (
                <span className="block text-xs text-muted">
                  {t('job.by')} <Person id={actor} />
                </span>
              )}
            </span>
          </li>
        )
      })}
    </ol>
  )
}

function Facts({ job }: { job: JobDetail }) {
  const { t } = useTexts()
  const language = useLanguage()
  const facts: readonly (readonly [string, React.ReactNode])[] = [
    [
      t('job.id'),
      <span key="" className="font-mono text-xs">
        {job.id}
      </span>,
    ],
    [t('jobs.queue'), job.queue],
    [t('change.priority'), job.priority],
    [t('job.created'), <Moment key="" time={job.created_at} seconds />],
    [t('job.waited'), job.wait_ms == null ? '–' : span(job.wait_ms, language)],
    [t('job.failures'), t('job.ofMost', { count: job.failures, most: job.max_failures })],
    [t('job.crashes'), job.crashes],
    [t('job.lost'), job.lost],
    [
      t('jobs.owner'),
      job.tenant ? (
        <Person key="" id={job.tenant} name={job.owner} />
      ) : (
        <span key="" className="text-muted">
          {t('jobs.system')}
        </span>
      ),
    ],
    ...(job.trace_id
      ? [
          [
            t('job.trace'),
            <span key="" className="font-mono text-xs">
              {job.trace_id}
            </span>,
          ] as const,
        ]
      : []),
  ]
  return (
    <>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm tabular-nums">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="text-right">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="mt-3 flex flex-wrap gap-2">
        <Copy small text={job.id} label={t('job.copy')} />
      </div>
    </>
  )
}

const EFFECTS = ['version', 'thumbnails', 'index', 'upload', 'mail'] as const

function Effects({ job }: { job: JobDetail }) {
  const { t } = useTexts()
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">
      {job.effects.map(({ type, id, state }) => {
        const known = EFFECTS.find((word) => word === type)
        return (
          <div key={`${type} ${id}`} className="contents">
            <dt className="text-muted">{known ? t(`effect.${known}`) : type}</dt>
            <dd className="text-right" title={id}>
              {state}
            </dd>
          </div>
        )
      })}
    </dl>
  )
}
