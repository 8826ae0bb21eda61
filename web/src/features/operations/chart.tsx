import type { Queue } from './api'
import { useTexts } from './texts'

/** How something went lately; it repeats what is said beside it. */
export function Sparkline({ values, look }: { values: readonly number[]; look: string }) {
  if (values.length < 2) return null
  const most = Math.max(1, ...values)
  const points = values.map(
    (value, place) => `${(place / (values.length - 1)) * 100},${29 - (value / most) * 27}`,
  )
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 100 30"
      preserveAspectRatio="none"
      className={`h-8 w-24 shrink-0 ${look}`}
    >
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  )
}

/** What a queue holds that has not ended well, in its order. */
const SHARES = [
  ['available', 'bg-edge'],
  ['running', 'bg-info'],
  ['scheduled', 'bg-line'],
  ['retryable', 'bg-warn'],
  ['blocked', 'bg-warn/50'],
  ['discarded', 'bg-bad'],
  ['quarantined', 'bg-viol'],
] as const

/** A queue's jobs by state, as parts of a bar; a paused one is hatched. */
export function StateBar({ queue }: { queue: Queue }) {
  const { t } = useTexts()
  const parts = SHARES.map(([state, look]) => ({
    state,
    look,
    count: queue.counts[state]?.count ?? 0,
  })).filter(({ count }) => count > 0)
  const words = parts.map(({ state, count }) => `${t(`state.${state}`)}: ${count}`).join(', ')
  return (
    <div
      role="img"
      aria-label={words || t('queues.nothing')}
      title={words || t('queues.nothing')}
      className={`flex h-2 min-w-24 gap-0.5 overflow-hidden rounded-full bg-sunken inset-ring inset-ring-line ${queue.paused ? 'hatched' : ''}`}
    >
      {!queue.paused &&
        parts.map(({ state, look, count }) => (
          // A single job among thousands is still seen.
          <span key={state} className={`min-w-1.5 ${look}`} style={{ flexGrow: count }} />
        ))}
    </div>
  )
}
