import type { ReactNode } from 'react'

const LOOKS = {
  plain: 'bg-sunken text-ink',
  accent: 'bg-accent-soft text-accent',
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
}

/** A word or two about something, in its colour. */
export function Badge({ tone = 'plain', children }: { tone?: keyof typeof LOOKS; children: ReactNode }) {
  return (
    <span
      className={`inline-flex items-center rounded-full px-2.5 py-0.5 text-sm font-medium whitespace-nowrap ${LOOKS[tone]}`}
    >
      {children}
    </span>
  )
}
