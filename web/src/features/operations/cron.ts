/** When a schedule comes due, in parts that a language makes a sentence of. */
export type When =
  | { every: 'second' | 'minute' | 'hour'; count: number }
  | { hourlyAt: string }
  | { at: string; days: readonly [Day, ...Day[]] | 'every' | 'month'; dayOfMonth?: number }

const DAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] as const
export type Day = (typeof DAYS)[number]

const step = (field: string) => (/^\*\/\d+$/.test(field) ? Number(field.slice(2)) : undefined)
const one = (field: string) => (/^\d+$/.test(field) ? Number(field) : undefined)
const two = (value: number) => String(value).padStart(2, '0')

/**
 * What the usual cron expressions with seconds mean; nothing for the others, which are shown as they are. Days of the week
 * are read by name only: dialects number them differently.
 */
export function when(expression: string): When | undefined {
  const fields = expression.trim().split(/\s+/)
  const [second = '', minute = '', hour = '', day = '', month = '', weekday = '', year = '*'] = fields
  if (fields.length < 6 || fields.length > 7 || month !== '*' || year !== '*') return undefined
  const anyDay = (day === '*' || day === '?') && (weekday === '*' || weekday === '?')
  if (hour === '*' && anyDay) return withinTheHour(second, minute)
  const hours = step(hour)
  if (hours !== undefined && minute === '0' && second === '0' && anyDay)
    return { every: 'hour', count: hours }
  const [s, m, h] = [one(second), one(minute), one(hour)]
  if (s === undefined || m === undefined || h === undefined) return undefined
  const at = s === 0 ? `${two(h)}:${two(m)}` : `${two(h)}:${two(m)}:${two(s)}`
  if (anyDay) return { at, days: 'every' }
  if (day === '*' || day === '?') {
    const days = namedDays(weekday)
    return days && { at, days }
  }
  const dayOfMonth = one(day)
  if (dayOfMonth === undefined || (weekday !== '*' && weekday !== '?')) return undefined
  return { at, days: 'month', dayOfMonth }
}

function withinTheHour(second: string, minute: string): When | undefined {
  const [seconds, minutes] = [step(second), step(minute)]
  if (minute === '*') {
    if (second === '*') return { every: 'second', count: 1 }
    if (seconds !== undefined) return { every: 'second', count: seconds }
    return second === '0' ? { every: 'minute', count: 1 } : undefined
  }
  if (second !== '0') return undefined
  if (minutes !== undefined) return { every: 'minute', count: minutes }
  const at = one(minute)
  if (at === undefined) return undefined
  return at === 0 ? { every: 'hour', count: 1 } : { hourlyAt: `:${two(at)}` }
}

/** `MON`, `MON,THU` or `MON-FRI`. */
function namedDays(field: string): readonly [Day, ...Day[]] | undefined {
  const found: Day[] = []
  for (const part of field.toUpperCase().split(',')) {
    const [from = '', to = from] = part.split('-')
    const [first, last] = [DAYS.indexOf(from as Day), DAYS.indexOf(to as Day)]
    if (first < 0 || last < first) return undefined
    found.push(...DAYS.slice(first, last + 1))
  }
  const [first, ...rest] = found
  return first && [first, ...rest]
}

/** A Monday, for names of days. */
const MONDAY = Date.UTC(2024, 0, 1)

export const dayName = (day: Day, language: string) =>
  new Intl.DateTimeFormat(language, { weekday: 'long', timeZone: 'UTC' }).format(
    MONDAY + DAYS.indexOf(day) * 86_400_000,
  )
