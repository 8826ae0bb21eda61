import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, Navigate, useSearchParams } from 'react-router'
import { describe } from '../api/failure'
import { Button } from '../parts/button'
import { TextField } from '../parts/field'
import { Form, text } from '../parts/form'
import { Notice } from '../parts/notice'
import { Page, Panel } from '../parts/page'
import { Password } from '../parts/password'
import { inside } from '../session/next'
import { signIn } from '../session/session'
import { useMe } from '../session/store'

export function Component() {
  const { t } = useTranslation()
  const [params] = useSearchParams()
  const next = params.get('next')
  const login = useMutation({
    mutationFn: (values: FormData) => signIn(text(values, 'email'), text(values, 'password')),
  })
  const fields = login.error ? describe(login.error).fields : {}
  if (useMe()) return <Navigate to={inside(next)} replace />
  return (
    <Page title={t('auth.loginTitle')} narrow>
      <Panel>
        <Form onSubmit={(values) => login.mutate(values)} error={login.error}>
          {next && !login.error && <Notice tone="info">{t('auth.needLogin')}</Notice>}
          <TextField
            label={t('auth.email')}
            name="email"
            type="email"
            autoComplete="username"
            required
            error={fields.email}
          />
          <Password autoComplete="current-password" error={fields.password} />
          <Button type="submit" look="primary" className="w-full" busy={login.isPending}>
            {t('auth.loginButton')}
          </Button>
        </Form>
      </Panel>
      <p className="mt-6 text-center">
        {t('auth.noAccount')}{' '}
        <Link to="/register" className="text-accent underline">
          {t('nav.register')}
        </Link>
      </p>
    </Page>
  )
}
