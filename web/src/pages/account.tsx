import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../parts/button'
import { Notice } from '../parts/notice'
import { Page, Panel } from '../parts/page'
import { Resend } from '../parts/resend'
import { useMe, useRight } from '../session/store'

export function Component() {
  const { t } = useTranslation()
  const me = useMe()
  const creates = useRight('nanos:create')
  if (!me) return null
  const rows = [
    [t('auth.name'), me.name],
    [t('auth.username'), me.username],
    [t('auth.email'), `${me.email} (${me.email_verified ? t('account.verified') : t('account.unverified')})`],
    [t('account.role'), t(`account.roles.${me.role}`)],
  ] as const
  return (
    <Page title={t('account.title')} narrow>
      <div className="space-y-6">
        {!me.email_verified && (
          <Notice tone="warn">
            <p className="mb-3">{t('account.unverifiedText')}</p>
            <Resend email={me.email} />
          </Notice>
        )}
        <Panel>
          <dl className="grid gap-x-8 gap-y-1 sm:grid-cols-[auto_1fr] sm:gap-y-3">
            {rows.map(([name, value]) => (
              <div key={name} className="contents">
                <dt className="text-muted">{name}</dt>
                <dd className="mb-2 sm:mb-0">{value}</dd>
              </div>
            ))}
          </dl>
        </Panel>
        {!creates && (
          <ButtonLink look="primary" to="/creator">
            {t('terms.title')}
          </ButtonLink>
        )}
      </div>
    </Page>
  )
}
