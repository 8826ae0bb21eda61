import { dateTime } from '../format'
import { useLanguage, useTranslation } from '../i18n/setup'
import { Button } from './button'
import { Notice } from './notice'

/** What is shown was read a while ago, and could not be read again. */
export function Stale({ since, retry }: { since: number; retry: () => void }) {
  const { t } = useTranslation()
  const time = dateTime(new Date(since).toISOString(), useLanguage())
  return (
    <div className="mb-4">
      <Notice tone="warn">
        <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
          <p>{t('common.stale', { time })}</p>
          <Button onClick={retry}>{t('common.retry')}</Button>
        </div>
      </Notice>
    </div>
  )
}
