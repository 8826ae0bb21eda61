import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { resetPassword } from '../api/account'
import { describe } from '../api/failure'
import { Button, ButtonLink } from '../parts/button'
import { Form, text } from '../parts/form'
import { Notice } from '../parts/notice'
import { Page, Panel } from '../parts/page'
import { Password } from '../parts/password'

/** Where the link in the mail about a forgotten password leads. */
export function Component() {
  const { t } = useTranslation()
  const [params] = useSearchParams()
  const token = params.get('token') ?? ''
  const reset = useMutation({
    mutationFn: (values: FormData) => resetPassword(token, text(values, 'password')),
  })
  const fields = reset.error ? describe(reset.error).fields : {}
  return (
    <Page title={t('auth.resetTitle')} narrow>
      <Panel>
        {reset.isSuccess ? (
          <div className="space-y-5">
            <Notice tone="good" urgent>
              {t('auth.resetDone')}
            </Notice>
            <ButtonLink look="primary" to="/login">
              {t('nav.login')}
            </ButtonLink>
          </div>
        ) : (
          <Form onSubmit={(values) => reset.mutate(values)} error={reset.error}>
            {token === '' && <Notice tone="bad">{t('auth.verifyNoToken')}</Notice>}
            <Password autoComplete="new-password" hint={t('auth.passwordHint')} error={fields.new_password} />
            <Button type="submit" look="primary" className="w-full" busy={reset.isPending}>
              {t('auth.resetButton')}
            </Button>
          </Form>
        )}
      </Panel>
    </Page>
  )
}
