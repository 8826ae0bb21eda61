import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { forgotPassword } from '../api/account'
import { describe } from '../api/failure'
import { Button } from '../parts/button'
import { TextField } from '../parts/field'
import { Form, text } from '../parts/form'
import { Notice } from '../parts/notice'
import { Page, Panel } from '../parts/page'

/** Asks for a link by which a forgotten password is set anew. */
export function Component() {
  const { t } = useTranslation()
  const ask = useMutation({ mutationFn: (values: FormData) => forgotPassword(text(values, 'email')) })
  const fields = ask.error ? describe(ask.error).fields : {}
  return (
    <Page title={t('auth.forgotTitle')} narrow>
      <Panel>
        {ask.isSuccess ? (
          <Notice tone="good" urgent>
            {t('auth.forgotSent')}
          </Notice>
        ) : (
          <Form onSubmit={(values) => ask.mutate(values)} error={ask.error}>
            <p>{t('auth.forgotLead')}</p>
            <TextField
              label={t('auth.email')}
              name="email"
              type="email"
              autoComplete="username"
              required
              error={fields.email}
            />
            <Button type="submit" look="primary" className="w-full" busy={ask.isPending}>
              {t('auth.forgotButton')}
            </Button>
          </Form>
        )}
      </Panel>
    </Page>
  )
}
