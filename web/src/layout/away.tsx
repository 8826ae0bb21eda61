import { askNow, useConnection } from '../api/connection'
import { useTranslation } from '../i18n/setup'
import { Button } from '../parts/button'
import { Notice } from '../parts/notice'
import { useSecondsUntil } from '../parts/seconds-until'

/** The server does not answer: the page stays as it is, and it is asked again. */
export function Away() {
  const { t } = useTranslation()
  const { away, nextAt } = useConnection()
  const seconds = useSecondsUntil(nextAt)
  return (
    <div
      role="status"
      className={away ? 'sticky top-15 z-10 mx-auto w-full max-w-6xl px-4 pt-3 sm:px-6' : 'sr-only'}
    >
      {away && (
        <Notice tone="warn">
          <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
            <div>
              <p className="font-medium">{navigator.onLine ? t('away.title') : t('away.offline')}</p>
              <p>
                {t('away.text')}{' '}
                <span aria-hidden="true" className="tabular-nums">
                  {nextAt === undefined ? t('away.asking') : t('away.next', { count: seconds })}
                </span>
              </p>
            </div>
            <Button busy={nextAt === undefined} onClick={askNow}>
              {t('away.now')}
            </Button>
          </div>
        </Notice>
      )}
    </div>
  )
}
