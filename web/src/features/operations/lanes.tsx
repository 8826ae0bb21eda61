import { span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import type { Attempt, Job } from './api'
import { short } from './kit'
import { frame, lane, type Stretch } from './stretches'
import { useNow } from './reads'
import { useTexts } from './texts'

const LOOKS: Record<Stretch['what'], string> = {
  wait: 'hatched opacity-60',
  done: 'bg-good',
  failed: 'bg-bad',
  running: 'bg-info',
}

/** What ran when, on one line of time; waits are hatched. */
export function Lanes({
  jobs,
  own,
  attempts,
}: {
  jobs: readonly Job[]
  own: string
  attempts: readonly Attempt[]
}) {
  const { t } = useTexts()
  const language = useLanguage()
  const now = useNow()
  const lanes = jobs.map((job) => lane(job, now, job.id === own ? attempts : []))
  const { from, to } = frame(lanes)
  const percent = (ms: number) => `${(ms / (to - from)) * 100}%`
  return (
    <ul className="space-y-2 text-sm">
      {jobs.map((job, place) => {
        const stretches = lanes[place] ?? []
        const ran = stretches.filter(({ what }) => what !== 'wait')
        const total = ran.reduce((sum, stretch) => sum + stretch.to - stretch.from, 0)
        const words =
          ran.length === 0
            ? t(`state.${job.state}`)
            : ran.length > 1
              ? t('job.ranTimes', { count: ran.length, time: span(total, language) })
              : span(total, language)
        return (
          <li
            key={job.id}
            className="grid grid-cols-[1fr_auto] items-center gap-x-3 sm:grid-cols-[9.5rem_minmax(0,1fr)_7rem]"
          >
            <span className={job.id === own ? 'font-semibold' : ''}>
              {job.kind}
              <span className="sr-only"> {short(job.id)}</span>
            </span>
            <span
              aria-hidden="true"
              className="relative h-4.5 overflow-hidden rounded bg-sunken max-sm:order-last max-sm:col-span-2"
            >
              {stretches.map((stretch) => (
                <span
                  key={stretch.from}
                  title={span(stretch.to - stretch.from, language)}
                  className={`absolute inset-y-1 min-w-[3px] rounded-[3px] ${LOOKS[stretch.what]}`}
                  style={{ left: percent(stretch.from - from), width: percent(stretch.to - stretch.from) }}
                />
              ))}
            </span>
            <span className="text-muted tabular-nums max-sm:text-right">{words}</span>
          </li>
        )
      })}
    </ul>
  )
}
