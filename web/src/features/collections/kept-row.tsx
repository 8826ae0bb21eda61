import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Facts } from '../../parts/facts'
import { Picture } from '../../parts/picture'
import type { Kept } from './api'
import { useTexts } from './texts'

/** A nano that somebody keeps, as far as it is to be seen just now, with what can be done about it. */
export function KeptRow({ kept, children }: { kept: Kept; children: ReactNode }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { nano } = kept
  return (
    <li className="grid gap-4 px-4 py-4 sm:grid-cols-[10rem_minmax(0,1fr)_auto] sm:items-center">
      {nano ? (
        <>
          <div className="overflow-hidden rounded-lg">
            <Picture nano={nano} sizes="10rem" />
          </div>
          <div className="min-w-0 space-y-1">
            <h2 lang={nano.language} className="font-semibold">
              <Link to={`/nanos/${nano.id}`} className="hover:underline">
                {nano.title}
              </Link>
            </h2>
            <Facts nano={nano} />
            <p className="text-sm text-muted">{t('addedAt', { date: date(kept.added_at, language) })}</p>
          </div>
        </>
      ) : (
        <div className="sm:col-span-2">
          <h2 className="font-semibold">{t('offShelf')}</h2>
          <p className="text-muted">{t('offShelfText')}</p>
        </div>
      )}
      <div className="flex flex-wrap gap-2 sm:justify-end">{children}</div>
    </li>
  )
}
