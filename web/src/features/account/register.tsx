import { useMutation } from '@tanstack/react-query'
import { Link, Navigate, useSearchParams } from 'react-router'
import { describe } from '../../api/failure'
import { TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { Page, Panel } from '../../parts/page'
import { Password } from '../../parts/password'
import { Resend } from '../../parts/resend'
import { inside, keepNext, onTheWay } from '../../session/next'
import { useMe } from '../../session/store'
import { register } from './api'
import { useTexts } from './texts'

/** Making an account. */
export function Component() {
  const { t } = useTexts()
  const [params] = useSearchParams()
  const next = params.get('next')
  const signUp = useMutation({
    mutationFn: async (values: FormData) => {
      const email = text(values, 'email').trim()
      const name = text(values, 'name').trim() || undefined
      await register({ email, username: text(values, 'username'), password: text(values, 'password'), name })
      keepNext(next)
      return email
    },
  })
  const fields = signUp.error ? describe(signUp.error).fields : {}
  if (useMe()) return <Navigate to={inside(next)} replace />
  if (signUp.data) return <Sent email={signUp.data} />
  return (
    <Page title={t('register.title')} narrow>
      <Panel>
        <Form onSubmit={(values) => signUp.mutate(values)} error={signUp.error}>
          <TextField
            label={t('fields.email')}
            name="email"
            type="email"
            autoComplete="email"
            required
            error={fields.email}
          />
          <TextField
            label={t('fields.username')}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            hint={t('fields.usernameHint')}
            error={fields.username}
          />
          <TextField
            label={t('fields.name')}
            name="name"
            autoComplete="name"
            optional
            hint={t('fields.nameHint')}
            error={fields.name}
          />
          <Password autoComplete="new-password" hint={t('fields.passwordHint')} error={fields.password} />
          <Submit busy={signUp.isPending} wide>
            {t('register.button')}
          </Submit>
        </Form>
      </Panel>
      <p className="mt-6 text-center">
        {t('register.haveAccount')}{' '}
        <Link to={onTheWay('/login', next)} className="text-accent underline">
          {t('login.title')}
        </Link>
      </p>
    </Page>
  )
}

function Sent({ email }: { email: string }) {
  const { t } = useTexts()
  return (
    <Page title={t('register.sentTitle')} narrow>
      <Panel>
        <p className="mb-5">{t('register.sentText', { email })}</p>
        <Resend email={email} />
      </Panel>
    </Page>
  )
}
