import { useTranslation } from '../i18n/setup'
import { ButtonLink } from '../parts/button'
import { Page } from '../parts/page'

export function Component() {
  const { t } = useTranslation()
  return (
    <Page title={t('missing.title')} narrow>
      <p className="mb-6 text-muted">{t('missing.text')}</p>
      <ButtonLink to="/">{t('missing.home')}</ButtonLink>
    </Page>
  )
}
