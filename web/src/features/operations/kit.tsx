import { useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { Fragment, useCallback, useId, useState, type ReactNode } from 'react'
import { span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { DialogButton } from '../../parts/dialog'
import { FailureNotice } from '../../parts/notice'
import { ReasonForm, type ReasonFormProps } from '../../parts/reason-form'
import { Stale } from '../../parts/stale'
import { useRight } from '../../session/store'
import { Skeleton } from '../../ui/skeleton'
import { KEY, type JobState } from './api'
import { useTexts } from './texts'

/** A block of a page; tables go to its edges. */
export function Card({
  title,
  beside,
  flush = false,
  children,
}: {
  title?: ReactNode
  beside?: ReactNode
  /** What is in it goes to its edges. */
  flush?: boolean
  children: ReactNode
}) {
  return (
    <section className={`rounded-xl border border-line bg-surface ${flush ? 'pt-3' : 'p-4'}`}>
      {title && (
        <div
          className={`flex flex-wrap items-center justify-between gap-x-4 gap-y-2 ${flush ? 'px-4 pb-2' : 'pb-3'}`}
        >
          <h2 className="font-semibold">{title}</h2>
          {beside}
        </div>
      )}
      {children}
    </section>
  )
}

/** What was read, what stands in its place until then, and why it is not there or old. */
export function Shown<T>({
  query,
  children,
}: {
  query: Pick<UseQueryResult<T>, 'data' | 'error' | 'dataUpdatedAt' | 'refetch'>
  children: (data: T) => ReactNode
}) {
  const { data, error, dataUpdatedAt, refetch } = query
  if (data === undefined) {
    if (error) return <FailureNotice error={error} retry={() => void refetch()} />
    return <Skeleton className="h-64" />
  }
  return (
    <>
      {error && <Stale since={dataUpdatedAt} retry={() => void refetch()} />}
      {children(data)}
    </>
  )
}

const MARKS: Record<JobState, [path: ReactNode, look: string]> = {
  available: [<circle key="" cx="8" cy="8" r="5.5" />, 'text-muted'],
  scheduled: [<path key="" d="M8 4.5V8l2.5 1.5M2.5 8a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0" />, 'text-muted'],
  running: [<path key="" d="M13.5 8A5.5 5.5 0 1 1 8 2.5" />, 'text-info'],
  retryable: [<path key="" d="M5.5 3.5v9M10.5 3.5v9" />, 'text-warn'],
  waiting: [<path key="" d="M3 8h.01M8 8h.01M13 8h.01" />, 'text-muted'],
  blocked: [<path key="" d="M3 13L13 3M3 8l5-5M8 13l5-5" />, 'text-warn'],
  completed: [<path key="" d="M3 8.5l3.5 3.5L13 4.5" />, 'text-good'],
  cancelled: [<path key="" d="M3.5 8h9" />, 'text-muted'],
  discarded: [<path key="" d="M4 4l8 8M12 4l-8 8" />, 'text-bad'],
  quarantined: [<path key="" d="M8 2l5.2 3v6L8 14l-5.2-3V5z" />, 'text-viol'],
}

/** A state by its shape and word, so that its colour is not needed. */
export function StateMark({ state }: { state: JobState }) {
  const { t } = useTexts()
  const [shape, look] = MARKS[state]
  return (
    <span className={`inline-flex items-center gap-1.5 font-semibold whitespace-nowrap ${look}`}>
      <svg
        aria-hidden="true"
        viewBox="0 0 16 16"
        className="size-3.5 shrink-0"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      >
        {shape}
      </svg>
      {t(`state.${state}`)}
    </span>
  )
}

/** A name of several words, which may be broken between them. */
export function Name({ of }: { of: string }) {
  return of.split(/(?<=_)/).map((word, place) => (
    <Fragment key={place}>
      {place > 0 && <wbr />}
      {word}
    </Fragment>
  ))
}

/** The beginning of ids made at about the same time is the same: their ends tell them apart. */
export const short = (id: string) => `…${id.slice(-6)}`

/** A time as short as it can be told; the whole of it when it is pointed at. */
export function Moment({ time, seconds = false }: { time: string; seconds?: boolean }) {
  const language = useLanguage()
  const date = new Date(time)
  const whole = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(date)
  const today = date.toDateString() === new Date().toDateString()
  const clock: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' }
  if (seconds) clock.second = '2-digit'
  const text = new Intl.DateTimeFormat(
    language,
    today ? clock : { day: 'numeric', month: 'short', ...clock },
  ).format(date)
  return (
    <time dateTime={time} title={whole} className="whitespace-nowrap tabular-nums">
      {text}
    </time>
  )
}

interface AgoProps {
  time: string
  now: number
  /** What is still to come; clocks differ by moments, and what is over is not said to come. */
  ahead?: boolean
}

/** How long ago, or in how long. */
export function Ago({ time, now, ahead = false }: AgoProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const passed = now - Date.parse(time)
  const ms = ahead ? Math.min(0, passed) : Math.max(0, passed)
  const style = { dateStyle: 'medium', timeStyle: 'medium' } as const
  const long = Math.abs(ms) >= 2 * DAY_MS
  const length = long
    ? t('days', { count: Math.round(Math.abs(ms) / DAY_MS) })
    : span(coarse(Math.abs(ms)), language)
  return (
    <time
      dateTime={time}
      title={new Intl.DateTimeFormat(language, style).format(new Date(time))}
      className="whitespace-nowrap tabular-nums"
    >
      {Math.abs(ms) < 1_000 ? t('now') : t(ms > 0 ? 'ago' : 'in', { time: length })}
    </time>
  )
}

const DAY_MS = 86_400_000

/** Seconds matter for a minute, minutes for some hours. */
const coarse = (ms: number) => {
  const unit = ms < 60_000 ? 1_000 : ms < 6 * 3_600_000 ? 60_000 : 3_600_000
  return Math.floor(ms / unit) * unit
}

/** Why somebody who may only read cannot act; nothing for who may. */
export function useWhyNot(): string | undefined {
  const { t } = useTexts()
  return useRight('jobs:operate') ? undefined : t('why.right')
}

interface ActProps {
  action: string
  about?: string
  /** Of the dialog; by default what the button says. */
  title?: string
  look?: 'primary' | 'secondary' | 'danger' | 'quiet'
  /** Why it cannot be done just now. */
  why?: string
  /** What the dialog holds. */
  children: ReactNode
}

/** A button that opens a dialog, or says why it does not. */
export function Act({ action, about, title = action, look = 'secondary', why, children }: ActProps) {
  const lacks = useWhyNot()
  const id = useId()
  const reason = lacks ?? why
  if (!reason) return <DialogButton {...{ action, about, title, look, children }} small />
  return (
    <span className="group relative inline-flex">
      <Button small look={look} blocked aria-describedby={id}>
        {action}
        {about && <span className="sr-only"> ({about})</span>}
      </Button>
      <span
        id={id}
        role="tooltip"
        className="absolute top-full right-0 z-20 mt-1 hidden w-60 rounded-lg border border-line bg-surface px-3 py-2 text-left text-sm font-normal text-ink shadow-raised group-focus-within:block group-hover:block max-sm:fixed max-sm:top-auto max-sm:right-4 max-sm:bottom-20 max-sm:left-4 max-sm:w-auto"
      >
        {reason}
      </span>
    </span>
  )
}

/** In the dialog of an act: its reason, which goes to the audit log. */
export function Reasoned<T>(props: Omit<ReasonFormProps<T>, 'reason' | 'hint'>) {
  const { t } = useTexts()
  return <ReasonForm {...props} reason={t('reason')} hint={t('reasonHint')} />
}

/** What was just done, and how that is said: what is shown is read again, but for lists, which stay as they are. */
export function useDone(): [said: string, done: (words: string) => void] {
  const queries = useQueryClient()
  const [said, setSaid] = useState('')
  const done = useCallback(
    (words: string) => {
      setSaid(words)
      void queries.invalidateQueries({
        predicate: ({ queryKey: [all, what, part] }) =>
          all === KEY && what !== 'dry-run' && !(what === 'jobs' && part === 'pages'),
      })
    },
    [queries],
  )
  return [said, done]
}

/** `p50 / p99` of waits and runs. */
export function usePercentiles() {
  const language = useLanguage()
  return ({ p50_ms, p99_ms }: { p50_ms?: number | null; p99_ms?: number | null }) =>
    p50_ms == null || p99_ms == null ? '–' : `${span(p50_ms, language)} / ${span(p99_ms, language)}`
}

/** Words stay whole; texts that may be broken anywhere say so. */
export const TABLE = 'w-full text-left text-sm wrap-break-word'
export const TH =
  'px-3 py-2 font-medium text-muted max-sm:px-2 first:pl-4 last:pr-4 max-sm:first:pl-3 max-sm:last:pr-3'
export const TD = 'px-3 py-2.5 max-sm:px-2 first:pl-4 last:pr-4 max-sm:first:pl-3 max-sm:last:pr-3'
export const TR = 'border-t border-line'
