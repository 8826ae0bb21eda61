import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '../../app/navigation'
import { tickPages, type Tick } from './api'
import { Older } from './job-list'
import { Moment, Shown } from './kit'
import { Person } from './person'
import { useTexts } from './texts'

/** What became of a tick, in words. */
export function useBecame() {
  const { t } = useTexts()
  return ({ outcome, job_state: state }: Tick) => {
    const words = t(`schedules.outcome.${outcome as 'fired'}`)
    return state ? `${words}, ${t(`state.${state}`)}` : words
  }
}

/** The ticks of a schedule, newest first, as far back as they are kept. */
export function AllTicks({ name }: { name: string }) {
  const { t } = useTexts()
  const became = useBecame()
  const list = useInfiniteQuery(tickPages(name))
  return (
    <Shown query={list}>
      {({ pages }) => (
        <div className="max-h-[60vh] space-y-3 overflow-y-auto">
          <ul className="space-y-1 text-sm">
            {pages
              .flatMap(({ data }) => data)
              .map((tick) => (
                <li
                  key={`${tick.due} ${tick.decided_at}`}
                  className="grid grid-cols-[8rem_minmax(0,1fr)] gap-x-4"
                >
                  <Moment time={tick.due} seconds />
                  <span>
                    {tick.job_id && tick.job_state ? (
                      <Link to={`/operations/jobs/${tick.job_id}`} className="text-accent hover:underline">
                        {became(tick)}
                      </Link>
                    ) : (
                      became(tick)
                    )}
                    {tick.actor && (
                      <>
                        {' '}
                        {t('schedules.by')} <Person id={tick.actor} />
                      </>
                    )}
                    {tick.reason && <span className="block wrap-anywhere text-muted">{tick.reason}</span>}
                  </span>
                </li>
              ))}
          </ul>
          <Older list={list} />
        </div>
      )}
    </Shown>
  )
}
