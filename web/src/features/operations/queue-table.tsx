import type { ReactNode } from 'react'
import { Link } from '../../app/navigation'
import { count, span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import type { Queue } from './api'
import { StateBar } from './chart'
import { jobsAt } from './filter'
import { TABLE, TD, TH, TR, usePercentiles } from './kit'
import { useNow } from './reads'
import { useTexts } from './texts'

/** Longer than that is late. */
const LATE_MS = 60_000

const ageOf = (queue: Queue, now: number) =>
  queue.oldest_available_at ? Math.max(0, now - Date.parse(queue.oldest_available_at)) : 0

/** The queues, a line each: what waits, since when, and how it goes. */
export function QueueTable({
  queues,
  actions,
}: {
  queues: readonly Queue[]
  actions?: (queue: Queue) => ReactNode
}) {
  const { t } = useTexts()
  const language = useLanguage()
  const now = useNow()
  const percentiles = usePercentiles()
  return (
    <table className={TABLE}>
      <caption className="sr-only">{t('queues.title')}</caption>
      <thead>
        <tr>
          <th scope="col" className={TH}>
            {t('jobs.queue')}
          </th>
          <th scope="col" className={`${TH} text-right`}>
            {t('queues.waiting')}
          </th>
          <th scope="col" className={`${TH} text-right ${actions ? 'max-sm:hidden' : ''}`}>
            {t('queues.oldest')}
          </th>
          <th scope="col" className={`${TH} max-md:hidden`}>
            {t('queues.states')}
          </th>
          <th scope="col" className={`${TH} text-right max-lg:hidden`}>
            {t('queues.wait')}
          </th>
          <th scope="col" className={`${TH} text-right max-lg:hidden`}>
            {t('queues.run')}
          </th>
          <th scope="col" className={`${TH} text-right max-md:hidden`}>
            {t('queues.perMinute')}
          </th>
          {actions && (
            <th scope="col" className={TH}>
              <span className="sr-only">{t('what')}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {queues.map((queue) => {
          const age = ageOf(queue, now)
          const waiting = queue.counts.available
          return (
            <tr key={queue.name} className={TR}>
              <td className={TD}>
                <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
                  <Link
                    to={jobsAt({ queue: queue.name })}
                    className="font-semibold hover:text-accent hover:underline"
                  >
                    {queue.name}
                  </Link>
                  {queue.paused && <Paused since={queue.paused.since} now={now} />}
                </span>
                {queue.paused && actions && (
                  <span className="block text-xs wrap-anywhere text-muted">{queue.paused.reason}</span>
                )}
              </td>
              <td className={`${TD} text-right tabular-nums`}>
                {waiting ? count(waiting.count, language) + (waiting.capped ? '+' : '') : 0}
                {actions && age > 0 && (
                  <span className="block text-xs whitespace-nowrap text-muted sm:hidden">
                    {span(age, language)}
                  </span>
                )}
              </td>
              <td
                className={`${TD} text-right whitespace-nowrap tabular-nums ${actions ? 'max-sm:hidden' : ''} ${age > LATE_MS && !queue.paused ? 'font-semibold text-warn' : ''}`}
              >
                {age > 0 ? `${queue.oldest_is_a_guess ? '≥ ' : ''}${span(age, language)}` : '–'}
              </td>
              <td className={`${TD} max-md:hidden`}>
                <StateBar queue={queue} />
              </td>
              <td className={`${TD} text-right whitespace-nowrap tabular-nums max-lg:hidden`}>
                {percentiles(queue.wait)}
              </td>
              <td className={`${TD} text-right whitespace-nowrap tabular-nums max-lg:hidden`}>
                {percentiles(queue.run)}
              </td>
              <td className={`${TD} text-right tabular-nums max-md:hidden`}>
                {count(Math.round(queue.completed_per_minute * 10) / 10, language)}
              </td>
              {actions && <td className={`${TD} text-right`}>{actions(queue)}</td>}
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

export function Paused({ since, now }: { since: string; now: number }) {
  const { t } = useTexts()
  const language = useLanguage()
  const ms = Math.max(0, now - Date.parse(since))
  // Minutes are enough to know it by.
  const time = span(ms < 60_000 ? Math.floor(ms / 1000) * 1000 : Math.floor(ms / 60_000) * 60_000, language)
  return <Badge tone="warn">{t('queues.paused', { time })}</Badge>
}
