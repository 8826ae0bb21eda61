import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { describe, type Failure } from '../api/failure'
import { span } from '../format'
import { useLanguage } from '../i18n/setup'
import { Button } from './button'
import { Icon, type IconName } from './icon'
import { useSecondsUntil } from './seconds-until'

const LOOKS: Record<Tone, [string, IconName]> = {
  info: ['bg-accent-soft text-ink', 'info'],
  good: ['bg-good-soft text-good', 'check'],
  warn: ['bg-warn-soft text-warn', 'warning'],
  bad: ['bg-bad-soft text-bad', 'warning'],
}

type Tone = 'info' | 'good' | 'warn' | 'bad'

interface NoticeProps {
  tone: Tone
  /** Read out at once when it appears. */
  urgent?: boolean
  children: ReactNode
}

export function Notice({ tone, urgent = tone === 'bad', children }: NoticeProps) {
  const [look, icon] = LOOKS[tone]
  return (
    <div role={urgent ? 'alert' : undefined} className={`flex gap-3 rounded-lg px-4 py-3 ${look}`}>
      <Icon name={icon} className="mt-0.5 size-5" />
      <div className="min-w-0 flex-1 space-y-1">{children}</div>
    </div>
  )
}

/** What went wrong, with a way to try again where there is one. */
export function FailureNotice({
  error,
  failure,
  retry,
}: {
  error?: unknown
  failure?: Failure
  retry?: () => void
}) {
  const { t } = useTranslation()
  const told = failure ?? describe(error)
  return (
    <Notice tone="bad">
      <p>{failureText(told, t('failure.OFFLINE'), t('failure.UNKNOWN'))}</p>
      {told.retryAt !== undefined && <RetryAfter time={told.retryAt} />}
      {told.requestId && <p className="text-sm">{t('common.requestId', { id: told.requestId })}</p>}
      {retry && (
        <p className="pt-2">
          <Button onClick={retry}>{t('common.retry')}</Button>
        </p>
      )}
    </Notice>
  )
}

/** Counted down for the eye; read out as it was at first. */
function RetryAfter({ time }: { time: number }) {
  const { t } = useTranslation()
  const language = useLanguage()
  const seconds = useSecondsUntil(time)
  return (
    <p role="timer" aria-live="off" className="tabular-nums">
      {seconds > 0
        ? t('failure.retryAfter', { time: span(seconds * 1000, language) })
        : t('failure.retryNow')}
    </p>
  )
}

function failureText({ code, message }: Failure, offline: string, unknown: string) {
  return code === 'OFFLINE' ? offline : message || unknown
}
