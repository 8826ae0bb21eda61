import { useTranslation } from '../i18n/setup'
import { Button } from '../parts/button'

/** When a page cannot be shown: its program did not load, or it has a bug. */
export function Crash() {
  const { t } = useTranslation()
  return (
    <main className="mx-auto max-w-xl px-4 py-24 text-center">
      <h1 className="text-2xl font-semibold">{t('crash.title')}</h1>
      <p className="mt-2 mb-6 text-muted">{t('crash.text')}</p>
      <Button look="primary" onClick={() => location.reload()}>
        {t('crash.reload')}
      </Button>
    </main>
  )
}
