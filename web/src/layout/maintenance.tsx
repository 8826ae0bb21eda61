import { useQuery } from '@tanstack/react-query'
import { useTranslation } from '../i18n/setup'
import { maintenance } from '../api/maintenance'
import { Notice } from '../parts/notice'

/** Says on every page that nothing can be changed, and why. */
export function MaintenanceBanner() {
  const { t } = useTranslation()
  const { data } = useQuery(maintenance)
  if (!data?.on) return null
  return (
    <div className="mx-auto w-full max-w-6xl px-4 pt-4 sm:px-6">
      <Notice tone="warn" urgent>
        <p className="font-medium">{t('site.maintenance')}</p>
        <p>{data.reason}</p>
      </Notice>
    </div>
  )
}
