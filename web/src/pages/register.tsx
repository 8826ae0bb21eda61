import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, Navigate } from 'react-router'
import { register } from '../api/account'
import { describe } from '../api/failure'
import { Button } from '../parts/button'
import { TextField } from '../parts/field'
import { Form, text } from '../parts/form'
import { Page, Panel } from '../parts/page'
import { Password } from '../parts/password'
import { Resend } from '../parts/resend'
import { useMe } from '../session/store'

export function Component() {
  const { t } = useTranslation()
  const signUp = useMutation({
    mutationFn: async (values: FormData) => {
      const email = text(values, 'email')
      const name = text(values, 'name').trim() || undefined
      await register({ email, username: text(values, 'username'), password: text(values, 'password'), name })
      return email
    },
  })
  const fields = signUp.error ? describe(signUp.error).fields : {}
  if (useMe()) return <Navigate to="/" replace />
  if (signUp.data) return <Sent email={signUp.data} />
  return (
    <Page title={t('auth.registerTitle')} narrow>
      <Panel>
        <Form onSubmit={(values) => signUp.mutate(values)} error={signUp.error}>
          <TextField
            label={t('auth.email')}
            name="email"
            type="email"
            autoComplete="email"
            required
            error={fields.email}
          />
          <TextField
            label={t('auth.username')}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            hint={t('auth.usernameHint')}
            error={fields.username}
          />
          <TextField
            label={t('auth.name')}
            name="name"
            autoComplete="name"
            optional
            hint={t('auth.nameHint')}
            error={fields.name}
          />
          <Password autoComplete="new-password" hint={t('auth.passwordHint')} error={fields.password} />
          <Button type="submit" look="primary" className="w-full" busy={signUp.isPending}>
            {t('auth.registerButton')}
          </Button>
        </Form>
      </Panel>
      <p className="mt-6 text-center">
        {t('auth.haveAccount')}{' '}
        <Link to="/login" className="text-accent underline">
          {t('nav.login')}
        </Link>
      </p>
    </Page>
  )
}

function Sent({ email }: { email: string }) {
  const { t } = useTranslation()
  return (
    <Page title={t('auth.sentTitle')} narrow>
      <Panel>
        <p className="mb-5">{t('auth.sentText', { email })}</p>
        <Resend email={email} />
      </Panel>
    </Page>
  )
}
