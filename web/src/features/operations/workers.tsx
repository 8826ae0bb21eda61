import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from '../../app/navigation'
import { bytes, span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Bar } from '../../parts/bar'
import { Empty } from '../../parts/page'
import { drain, endedWorkersQuery, type Worker } from './api'
import { Frame } from './frame'
import { Act, Ago, Card, Reasoned, Shown, TABLE, TD, TH, TR, useDone } from './kit'
import { useNow, useWorkers } from './reads'
import { useTexts } from './texts'

/** A worker that did not say that it lives for so long is not counted. */
const SILENT_MS = 15_000

const isAlive = ({ state, seen_at }: Worker, now: number) =>
  (state === 'alive' || state === 'draining') && now - Date.parse(seen_at) < SILENT_MS

/** The fleet: who runs what, and who is to end. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  const [old, setOld] = useState(false)
  const workers = useWorkers()
  const ended = useQuery({ ...endedWorkersQuery, enabled: old })
  return (
    <Frame
      title={t('workers.title')}
      said={said}
      live
      actions={
        <label className="flex min-h-8 items-center gap-2 text-sm">
          <input
            type="checkbox"
            checked={old}
            onChange={(event) => setOld(event.target.checked)}
            className="size-4 accent-accent"
          />
          {t('workers.ended')}
        </label>
      }
    >
      <Shown query={old && ended.data ? ended : workers}>
        {(shown) =>
          shown.length === 0 ? (
            <Empty title={t('workers.empty')} text={t('workers.emptyText')} />
          ) : (
            <Card flush>
              <WorkerTable workers={shown} onDone={done} />
            </Card>
          )
        }
      </Shown>
    </Frame>
  )
}

interface WorkerTableProps {
  workers: readonly Worker[]
  onDone: (words: string) => void
}

function WorkerTable({ workers, onDone }: WorkerTableProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const now = useNow()
  return (
    <table className={TABLE}>
      <caption className="sr-only">{t('workers.title')}</caption>
      <thead>
        <tr>
          <th scope="col" className={TH}>
            {t('workers.worker')}
          </th>
          <th scope="col" className={`${TH} max-md:hidden`}>
            {t('sections.queues')}
          </th>
          <th scope="col" className={`${TH} max-sm:hidden`}>
            {t('workers.slots')}
          </th>
          <th scope="col" className={`${TH} max-lg:hidden`}>
            {t('workers.running')}
          </th>
          <th scope="col" className={`${TH} text-right max-md:hidden`}>
            {t('workers.memory')}
          </th>
          <th scope="col" className={`${TH} max-lg:hidden`}>
            {t('workers.started')}
          </th>
          <th scope="col" className={TH}>
            <span className="sr-only">{t('what')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {workers.map((worker) => (
          <tr key={worker.id} className={TR}>
            <td className={TD}>
              <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
                <span className="font-mono font-semibold wrap-anywhere">{worker.name}</span>
                <State worker={worker} now={now} />
              </span>
              <span className="block text-xs text-muted">
                {worker.version}
                {worker.drain_reason && ` · ${worker.drain_reason}`}
              </span>
              {worker.unconfined && (
                <span className="block text-xs text-warn">
                  {t('workers.unconfined', { why: worker.unconfined })}
                </span>
              )}
            </td>
            <td className={`${TD} max-md:hidden`}>{worker.queues.join(', ')}</td>
            <td className={`${TD} max-sm:hidden`}>
              <span className="tabular-nums">
                {t('workers.busy', { busy: worker.in_flight, slots: worker.slots })}
              </span>
              <Bar
                part={worker.slots > 0 ? Math.min(1, worker.in_flight / worker.slots) : 0}
                label={`${worker.name}: ${t('workers.slots')}`}
                className="mt-1 h-1.5 w-24"
              />
            </td>
            <td className={`${TD} max-lg:hidden`}>
              {worker.running.length === 0 && <span className="text-muted">–</span>}
              <ul>
                {worker.running.slice(0, 4).map((job) => (
                  <li key={job.id} className="whitespace-nowrap">
                    <Link to={`/operations/jobs/${job.id}`} className="hover:text-accent hover:underline">
                      {job.kind}
                    </Link>{' '}
                    {job.started_at && (
                      <span className="text-xs text-muted tabular-nums">
                        {span(Math.max(0, now - Date.parse(job.started_at)), language)}
                      </span>
                    )}
                  </li>
                ))}
              </ul>
              {worker.running.length > 4 && (
                <span className="text-xs text-muted">
                  {t('workers.more', { count: worker.running.length - 4 })}
                </span>
              )}
            </td>
            <td className={`${TD} text-right whitespace-nowrap tabular-nums max-md:hidden`}>
              {worker.memory_bytes == null ? '–' : bytes(worker.memory_bytes, language)}
            </td>
            <td className={`${TD} max-lg:hidden`}>
              <Ago time={worker.started_at} now={now} />
            </td>
            <td className={`${TD} text-right`}>
              {(worker.state === 'alive' || worker.state === 'draining') && (
                <Act
                  action={t('workers.drain')}
                  about={worker.name}
                  title={t('workers.drainTitle', { name: worker.name })}
                  look="danger"
                  why={worker.state === 'draining' ? t('why.draining') : undefined}
                >
                  <Reasoned
                    action={t('workers.drain')}
                    danger
                    explanation={
                      workers.filter((other) => isAlive(other, now)).length > 1
                        ? t('workers.drainText')
                        : `${t('workers.drainText')} ${t('workers.last')}`
                    }
                    send={(_, reason) => drain(worker.id, reason)}
                    onDone={() => onDone(t('workers.drained', { name: worker.name }))}
                  />
                </Act>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function State({ worker, now }: { worker: Worker; now: number }) {
  const { t } = useTexts()
  if (worker.state === 'alive')
    return isAlive(worker, now) ? (
      <Badge tone="good">{t('workers.state.alive')}</Badge>
    ) : (
      <Badge tone="bad">
        <Ago time={worker.seen_at} now={now} />
      </Badge>
    )
  if (worker.state === 'draining') return <Badge tone="warn">{t('workers.state.draining')}</Badge>
  if (worker.state === 'dead') return <Badge tone="bad">{t('workers.state.dead')}</Badge>
  return <Badge>{t('workers.state.stopped')}</Badge>
}
