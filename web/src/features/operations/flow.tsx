import { Link } from '../../app/navigation'
import { span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import type { Job } from './api'
import { Name, short, StateMark } from './kit'
import { useTexts } from './texts'

/** Beside each other; of more only these, and how many there are. */
const MOST = 3

/** What has to be done before what, from top to bottom. */
export function Flow({ rows, own }: { rows: readonly (readonly Job[])[]; own: string }) {
  return (
    <ol>
      {rows.map((row, place) => {
        const shown = row.length > MOST ? pick(row, own) : row
        const next = rows[place + 1]
        return (
          <li key={row[0]?.id ?? place}>
            <ul
              className="grid gap-2"
              style={{ gridTemplateColumns: `repeat(${shown.length}, minmax(0, 1fr))` }}
            >
              {shown.map((job) => (
                <li key={job.id}>
                  <Box job={job} own={job.id === own} />
                </li>
              ))}
            </ul>
            {row.length > shown.length && <Others count={row.length - shown.length} />}
            {next && <Joint from={shown.length} to={Math.min(MOST, next.length)} />}
          </li>
        )
      })}
    </ol>
  )
}

/** The job itself is always among them. */
function pick(row: readonly Job[], own: string): Job[] {
  const first = row.slice(0, MOST)
  const self = row.find(({ id }) => id === own)
  return self && !first.includes(self) ? [...first.slice(0, MOST - 1), self] : first
}

function Others({ count }: { count: number }) {
  const { t } = useTexts()
  return <p className="mt-1 text-center text-xs text-muted">{t('job.others', { count })}</p>
}

function Box({ job, own }: { job: Job; own: boolean }) {
  const language = useLanguage()
  const bad = job.state === 'discarded' || job.state === 'quarantined'
  const waits = job.state === 'waiting' || job.state === 'blocked'
  const edge = own ? (bad ? 'border-bad border-2' : 'border-accent border-2') : 'border-line'
  const words = (
    <>
      <span className="block text-xs font-semibold">
        <Name of={job.kind} />
      </span>
      <span className="block text-xs">
        <StateMark state={job.state} />
        {job.state === 'completed' && job.run_ms != null && (
          <span className="text-muted tabular-nums"> {span(job.run_ms, language)}</span>
        )}
      </span>
    </>
  )
  const look = `block h-full rounded-lg border px-2.5 py-1.5 ${edge} ${waits ? 'border-dashed' : ''}`
  if (own) return <div className={look}>{words}</div>
  return (
    <Link to={`/operations/jobs/${job.id}`} className={`${look} hover:border-accent`}>
      {words}
      <span className="sr-only"> {short(job.id)}</span>
    </Link>
  )
}

/** Lines from each of the boxes above to each of those below. */
function Joint({ from, to }: { from: number; to: number }) {
  const middle = (count: number) => Array.from({ length: count }, (_, place) => ((place + 0.5) / count) * 100)
  const [above, below] = [middle(from), middle(to)]
  const all = [...above, ...below]
  const path = [
    ...above.map((x) => `M${x} 0V10`),
    ...below.map((x) => `M${x} 10V20`),
    `M${Math.min(...all)} 10H${Math.max(...all)}`,
  ]
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 100 20"
      preserveAspectRatio="none"
      className="my-1 h-5 w-full stroke-edge"
      fill="none"
    >
      <path d={path.join('')} strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
    </svg>
  )
}
