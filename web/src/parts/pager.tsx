import { useTranslation } from '../i18n/setup'
import { Link, Navigate } from '../app/navigation'
import type { Meta } from '../api/types'

interface PagerProps {
  meta: Meta
  /** Where a page is. */
  to: (page: number) => string
}

export function Pager({ meta, to }: PagerProps) {
  const { t } = useTranslation()
  const page = meta.page ?? 1
  const pages = Math.max(1, Math.ceil((meta.total ?? 0) / (meta.per_page ?? 20)))
  // Beyond the end, by an old link or a typed number: the last page there is.
  if (page > pages) return <Navigate to={to(pages)} replace />
  if (pages === 1 && page === 1) return null
  const step = (target: number, label: string, rel: string) =>
    target >= 1 && target <= pages ? (
      <Link
        to={to(target)}
        rel={rel}
        className="inline-flex min-h-11 items-center rounded-lg border border-edge bg-surface px-4 font-medium hover:border-accent hover:text-accent"
      >
        {label}
      </Link>
    ) : (
      <span />
    )
  return (
    <nav aria-label={t('pager.label')} className="mt-8 grid grid-cols-[1fr_auto_1fr] items-center gap-3">
      <div>{step(page - 1, t('pager.previous'), 'prev')}</div>
      <p className="text-sm text-muted">{t('pager.page', { page, pages })}</p>
      <div className="text-right">{step(page + 1, t('pager.next'), 'next')}</div>
    </nav>
  )
}
