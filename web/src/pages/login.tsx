import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
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
  // Only some accounts have a second factor, which the first try tells.
  const [asksForCode, setAsksForCode] = useState(false)
  const login = useMutation({
    onError: (error) => describe(error).code === 'SECOND_FACTOR_REQUIRED' && setAsksForCode(true),
    mutationFn: (values: FormData) =>
      signIn(text(values, 'email'), text(values, 'password'), text(values, 'code').trim() || undefined),
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
          {asksForCode && (
            <TextField
              label={t('auth.code')}
              name="code"
              autoComplete="one-time-code"
              autoCapitalize="none"
              spellCheck={false}
              required
              hint={t('auth.codeHint')}
              error={fields.code}
            />
          )}
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
      <p className="mt-3 text-center">
        <Link to="/forgot-password" className="text-accent underline">
          {t('auth.forgot')}
        </Link>
      </p>
    </Page>
  )
}
