import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, type ReactNode } from 'react'
import { maintenance } from '../../api/maintenance'
import { NavLink } from '../../app/navigation'
import { Notice } from '../../parts/notice'
import { Page } from '../../parts/page'
import { useMe, useRight } from '../../session/store'
import { useLive, useOperationsEvents } from './live'
import { useOverview } from './reads'
import { SECTIONS, type Section } from './sections'
import { useTexts } from './texts'

interface FrameProps {
  title: string
  heading?: ReactNode
  actions?: ReactNode
  /** What was just done. */
  said?: string
  /** It shows what the stream of events tells. */
  live?: boolean
  children: ReactNode
}

/** A page of operations, with the way to the others at its side. */
export function Frame({ title, heading, actions, said, live, children }: FrameProps) {
  const { t } = useTexts()
  const operates = useRight('jobs:operate')
  useOperationsEvents()
  return (
    <div className="w-full lg:grid lg:grid-cols-[13.5rem_minmax(0,1fr)]">
      <SideBar />
      <Page
        title={title}
        wide
        heading={
          <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
            {heading ?? title}
            {live && <LiveMark />}
          </span>
        }
        actions={actions}
      >
        <div className="space-y-4">
          {!operates && <Notice tone="info">{t('readOnly')}</Notice>}
          <div role="status" className={said ? '' : 'sr-only'}>
            {said && <Notice tone="good">{said}</Notice>}
          </div>
          {children}
        </div>
      </Page>
    </div>
  )
}

function SideBar() {
  const { t } = useTexts()
  const permissions = useMe()?.permissions
  const bar = useRef<HTMLUListElement>(null)
  useEffect(() => {
    // On narrow screens it is a strip, of which the place of this page may be out of sight.
    const list = bar.current
    const here = list?.querySelector<HTMLElement>('[aria-current]')
    if (list && here) list.scrollLeft = here.offsetLeft - (list.clientWidth - here.clientWidth) / 2
  }, [])
  return (
    <nav
      aria-label={t('sections.label')}
      className="border-line bg-surface max-lg:border-b lg:sticky lg:top-15 lg:h-[calc(100dvh-3.75rem)] lg:self-start lg:overflow-y-auto lg:border-r"
    >
      <ul ref={bar} className="relative flex gap-1 overflow-x-auto px-3 py-2 lg:flex-col lg:py-4">
        {SECTIONS.filter(([, , access]) => !access || permissions?.includes(access)).map(([name, path]) => (
          <li key={name} className={name === 'audit' ? 'lg:mt-3 lg:border-t lg:border-line lg:pt-3' : ''}>
            <NavLink
              to={path}
              end={name === 'overview'}
              className={({ isActive }) =>
                `flex min-h-9 items-center gap-3 rounded-md px-2.5 text-sm font-medium whitespace-nowrap ${isActive ? 'bg-accent-soft text-accent' : 'hover:bg-sunken'}`
              }
            >
              {t(`sections.${name}`)}
              <Figure of={name} />
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  )
}

/** What a section has to say before it is opened; nothing where all is as it should be. */
function Figure({ of }: { of: Section }) {
  const { t } = useTexts()
  const figures = useOverview().data?.figures
  const refuses = useQuery(maintenance).data?.on
  const figure = (count: number, key: 'open' | 'set' | 'paused' | 'alive', tone = 'text-muted') =>
    count > 0 || key === 'alive' ? (
      <span className={`text-xs tabular-nums lg:ml-auto ${tone}`}>{t(`figure.${key}`, { count })}</span>
    ) : null
  if (of === 'maintenance' && refuses)
    return <span className="text-xs font-semibold text-warn lg:ml-auto">{t('figure.on')}</span>
  if (!figures) return null
  if (of === 'errors') return figure(figures.open.count, 'open', 'font-semibold text-bad')
  if (of === 'quarantine') return figure(figures.quarantined.count, 'set', 'font-semibold text-viol')
  if (of === 'queues') return figure(figures.paused_queues, 'paused', 'font-semibold text-warn')
  if (of === 'workers')
    return figure(figures.workers, 'alive', figures.workers === 0 ? 'font-semibold text-bad' : undefined)
  return null
}

function LiveMark() {
  const { t } = useTexts()
  const live = useLive()
  return (
    <span
      className={`inline-flex items-center gap-1.5 rounded-full px-2.5 py-0.5 text-sm font-medium tracking-normal ${live ? 'bg-good-soft text-good' : 'bg-warn-soft text-warn'}`}
    >
      <span aria-hidden="true" className="size-2 rounded-full bg-current" />
      {live ? t('live') : t('reconnecting')}
    </span>
  )
}
