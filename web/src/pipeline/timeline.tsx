import { useEffect, useState } from 'react'
import { useLanguage } from '../i18n/setup'
import { useTexts } from '../features/studio/texts'
import { serverNow } from '../api/clock'
import type { VersionDetail } from '../api/types'
import { span } from '../format'
import { Icon, type IconName } from '../parts/icon'
import { Notice } from '../parts/notice'
import { Bar } from '../parts/bar'
import { Spinner } from '../parts/button'
import type { NanoEvent } from './events'
import { currentStep, isMoving, steps, type Step, type StepState } from './steps'

interface TimelineProps {
  version: VersionDetail
  events: NanoEvent[]
  live: boolean
}

/** The way of a version through the checks, as it happens. */
export function Timeline({ version, events, live }: TimelineProps) {
  const { t } = useTexts()
  const all = steps(version, events)
  const shown = all.filter((step): step is Step & { state: Shown } => step.state !== 'skipped')
  const moving = isMoving(version, all)
  const now = useServerNow(moving)
  const current = currentStep(shown)
  const failed = all.some((step) => step.state === 'failed')
  const retrying = all.some((step) => step.state === 'retrying')
  return (
    <>
      <p className="-mt-3 mb-4 flex flex-wrap gap-x-3 text-sm text-muted">
        <span>{t('pipeline.version', { semver: version.semver })}</span>
        {moving && (
          <span className={live ? 'font-medium text-good' : 'text-warn'}>
            {live ? t('pipeline.live') : t('pipeline.reconnecting')}
          </span>
        )}
      </p>
      <p role="status" className="sr-only">
        {current &&
          t('pipeline.current', {
            step: t(`pipeline.step.${current.kind}`),
            state: t(`pipeline.state.${current.state}`),
          })}
      </p>
      <ol>
        {shown.map((step) => (
          <Row key={step.kind} step={step} now={now} />
        ))}
      </ol>
      <div className="mt-2 space-y-3">
        {retrying && <Notice tone="info">{t('pipeline.retryText')}</Notice>}
        {failed && <Notice tone="warn">{t('pipeline.failedText')}</Notice>}
        {version.state === 'pending_review' && <Notice tone="info">{t('pipeline.inReview')}</Notice>}
        {version.state === 'published' && <Notice tone="good">{t('pipeline.publishedText')}</Notice>}
      </div>
    </>
  )
}

/** What a version never came to is left out. */
type Shown = Exclude<StepState, 'skipped'>

const MARKS: Record<Shown, [IconName | undefined, string]> = {
  upcoming: [undefined, 'border-line text-muted bg-surface'],
  waiting: ['clock', 'border-edge text-muted bg-surface'],
  running: [undefined, 'border-accent text-accent bg-accent-soft'],
  retrying: ['pause', 'border-warn text-warn bg-warn-soft'],
  done: ['check', 'border-good text-good bg-good-soft'],
  refused: ['cross', 'border-bad text-bad bg-bad-soft'],
  failed: ['cross', 'border-bad text-bad bg-bad-soft'],
  review: ['person', 'border-warn text-warn bg-warn-soft'],
}

function Row({ step, now }: { step: Step & { state: Shown }; now: number }) {
  const { t } = useTexts()
  const [icon, look] = MARKS[step.state]
  const quiet = step.state === 'upcoming'
  return (
    <li className="group flex gap-3">
      <div className="flex flex-col items-center">
        <span className={`grid size-8 shrink-0 place-items-center rounded-full border-2 ${look}`}>
          {step.state === 'running' ? <Spinner /> : icon && <Icon name={icon} className="size-4" />}
        </span>
        <span className="w-0.5 flex-1 bg-line group-last:hidden" />
      </div>
      <div className="min-h-14 min-w-0 flex-1 pt-1 pb-3">
        <div className="flex flex-wrap items-baseline justify-between gap-x-4">
          <p className={quiet ? 'text-muted' : 'font-medium'}>{t(`pipeline.step.${step.kind}`)}</p>
          <p className="text-sm text-muted">{t(`pipeline.state.${step.state}`)}</p>
        </div>
        <Times step={step} now={now} />
        {step.progress !== undefined && (
          <Bar part={step.progress} label={t(`pipeline.step.${step.kind}`)} className="mt-1.5 h-1.5" />
        )}
      </div>
    </li>
  )
}

function Times({ step, now }: { step: Step; now: number }) {
  const { t } = useTexts()
  const language = useLanguage()
  const since = (time?: string) => (time === undefined ? undefined : Math.max(0, now - Date.parse(time)))
  const waited = step.waitMs ?? since(step.waitingSince)
  const ran = step.runMs ?? since(step.runningSince)
  const parts = [
    waited !== undefined && t('pipeline.waited', { time: span(waited, language) }),
    ran !== undefined && t('pipeline.ran', { time: span(ran, language) }),
    step.runs > 1 && t('pipeline.run', { count: step.runs }),
  ].filter(Boolean)
  if (parts.length === 0) return null
  return <p className="text-sm text-muted tabular-nums">{parts.join(' · ')}</p>
}

/** The server's time, ticking while it matters. */
function useServerNow(ticking: boolean): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    if (!ticking) return
    const timer = setInterval(() => setNow(serverNow()), 500)
    return () => clearInterval(timer)
  }, [ticking])
  return now
}
