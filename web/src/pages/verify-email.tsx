import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { verifyEmail } from '../api/account'
import { isPassing } from '../api/failure'
import { ButtonLink } from '../parts/button'
import { FailureNotice, Notice } from '../parts/notice'
import { Page, Panel } from '../parts/page'
import { Resend } from '../parts/resend'
import { reload } from '../session/session'
import { useMe } from '../session/store'

/** Where the link in the verification mail leads. */
export function Component() {
  const { t } = useTranslation()
  const me = useMe()
  const [params] = useSearchParams()
  const token = params.get('token') ?? ''
  // A query, not an effect: a token works once, and queries with the same key are sent once.
  const verification = useQuery({
    queryKey: ['verify', token],
    queryFn: async () => {
      await verifyEmail(token)
      // Sessions of before end with it: reading oneself finds that out.
      if (me) await reload().catch(() => undefined)
      return true
    },
    enabled: token !== '',
    staleTime: Infinity,
    retry: false,
  })
  return (
    <Page title={t('auth.verifyTitle')} narrow>
      <Panel>
        <div className="space-y-5">
          {token === '' && <Notice tone="bad">{t('auth.verifyNoToken')}</Notice>}
          {verification.isFetching && <p role="status">{t('auth.verifying')}</p>}
          {verification.data && (
            <>
              <Notice tone="good" urgent>
                {t('auth.verified')}
              </Notice>
              <ButtonLink look="primary" to={me ? '/' : '/login'}>
                {me ? t('auth.onward') : t('nav.login')}
              </ButtonLink>
            </>
          )}
          {verification.error && !verification.isFetching && (
            <>
              <FailureNotice
                error={verification.error}
                retry={isPassing(verification.error) ? () => void verification.refetch() : undefined}
              />
              {me && !me.email_verified && <Resend email={me.email} />}
            </>
          )}
        </div>
      </Panel>
    </Page>
  )
}
