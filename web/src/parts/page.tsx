import { useEffect, useRef, type ReactNode } from 'react'
import { useTranslation } from '../i18n/setup'

interface PageProps {
  /** Of the tab, and the heading unless `heading` is given. */
  title: string
  heading?: ReactNode
  /** Beside the heading. */
  actions?: ReactNode
  /** Text and forms stay narrow enough to read. */
  narrow?: boolean
  /** As wide as its place, and denser. */
  wide?: boolean
  children: ReactNode
}

let first = true

const WIDTHS = {
  usual: 'max-w-6xl px-4 py-8 sm:px-6',
  narrow: 'max-w-2xl px-4 py-8 sm:px-6',
  wide: 'px-4 py-5 sm:px-6',
}

/** A page's frame: names the tab and moves the focus to the heading, so that the change of page is read out. */
export function Page({ title, heading, actions, narrow, wide, children }: PageProps) {
  const { t } = useTranslation()
  const ref = useRef<HTMLHeadingElement>(null)
  const frame = useRef<HTMLDivElement>(null)
  useEffect(() => {
    document.title = `${title} – ${t('site.name')}`
  }, [title, t])
  useEffect(() => {
    // The browser itself announces the page that was opened first; and a field that has the focus keeps it.
    if (!first && !frame.current?.contains(document.activeElement))
      ref.current?.focus({ preventScroll: true })
    first = false
  }, [])
  return (
    <div ref={frame} className={`mx-auto w-full ${WIDTHS[narrow ? 'narrow' : wide ? 'wide' : 'usual']}`}>
      <div
        className={`flex flex-wrap items-center justify-between gap-x-6 gap-y-3 ${wide ? 'mb-4' : 'mb-6'}`}
      >
        <h1
          ref={ref}
          tabIndex={-1}
          className={`text-2xl font-semibold tracking-tight ${wide ? '' : 'sm:text-3xl'}`}
        >
          {heading ?? title}
        </h1>
        {actions}
      </div>
      {children}
    </div>
  )
}

/** A block of a page. */
export function Panel({ title, children }: { title?: ReactNode; children: ReactNode }) {
  return (
    <section className="rounded-xl border border-line bg-surface p-4 sm:p-6">
      {title && <h2 className="mb-4 text-lg font-semibold">{title}</h2>}
      {children}
    </section>
  )
}

/** Nothing to show, and what to do about it. */
export function Empty({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <div className="rounded-xl border border-dashed border-edge px-6 py-14 text-center">
      <p className="text-lg font-semibold">{title}</p>
      <p className="mx-auto mt-1 max-w-md text-muted">{text}</p>
      {children && <div className="mt-5">{children}</div>}
    </div>
  )
}

/** While a page's own data is on its way. */
export function Loading() {
  const { t } = useTranslation()
  return (
    <p role="status" className="late min-h-dvh px-4 py-20 text-center text-muted">
      {t('common.loading')}
    </p>
  )
}
