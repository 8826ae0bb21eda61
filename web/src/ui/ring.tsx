import type { ReactNode } from 'react'

const R = 15.5
const ROUND = 2 * Math.PI * R

interface RingProps {
  /** 0 to 1. */
  part: number
  /** Time is the product: its ring is sunny; progress has the accent. */
  tone?: 'sun' | 'accent'
  className?: string
  /** In the middle. */
  children?: ReactNode
}

/** The minute ring: logo, time filter, badge and progress alike. It repeats what is said beside it. */
export function Ring({ part, tone = 'sun', className = 'size-10', children }: RingProps) {
  const filled = Math.min(1, Math.max(0, part)) * ROUND
  return (
    <span aria-hidden="true" className={`relative inline-grid shrink-0 place-items-center ${className}`}>
      <svg viewBox="0 0 36 36" className="size-full -rotate-90" fill="none" strokeWidth="5">
        <circle cx="18" cy="18" r={R} className="stroke-line" />
        <circle
          cx="18"
          cy="18"
          r={R}
          className={`transition-[stroke-dasharray] ${tone === 'sun' ? 'stroke-sun' : 'stroke-accent'}`}
          strokeDasharray={`${filled} ${ROUND}`}
        />
      </svg>
      {children !== undefined && <span className="absolute text-sm font-bold tabular-nums">{children}</span>}
    </span>
  )
}
