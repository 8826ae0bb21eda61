import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { confirmEmail } from '../api/account'
import { isPassing } from '../api/failure'
import { ButtonLink } from '../parts/button'
import { FailureNotice, Notice } from '../parts/notice'
import { Page, Panel } from '../parts/page'
import { reload } from '../session/session'

/** Where the link to a new address leads, for whoever is signed in to the account that asked for it. */
export function Component() {
  const { t } = useTranslation()
  const [params] = useSearchParams()
  const token = params.get('token') ?? ''
  // A query, not an effect: a token works once, and queries with the same key are sent once.
  const confirmation = useQuery({
    queryKey: ['confirm-email', token],
    queryFn: async () => {
      await confirmEmail(token)
      await reload().catch(() => undefined)
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
          {confirmation.isFetching && <p role="status">{t('auth.verifying')}</p>}
          {confirmation.data && (
            <>
              <Notice tone="good" urgent>
                {t('auth.verified')}
              </Notice>
              <ButtonLink look="primary" to="/account">
                {t('auth.onward')}
              </ButtonLink>
            </>
          )}
          {confirmation.error && !confirmation.isFetching && (
            <FailureNotice
              error={confirmation.error}
              retry={isPassing(confirmation.error) ? () => void confirmation.refetch() : undefined}
            />
          )}
        </div>
      </Panel>
    </Page>
  )
}
