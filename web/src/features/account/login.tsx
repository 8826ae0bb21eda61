import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, Navigate, useSearchParams } from 'react-router'
import { describe, describeAt } from '../../api/failure'
import { Button } from '../../parts/button'
import { Form, Submit, text } from '../../parts/form'
import { Notice } from '../../parts/notice'
import { Page, Panel } from '../../parts/page'
import { Password } from '../../parts/password'
import { inside, keepNext, onTheWay } from '../../session/next'
import { signIn } from '../../session/session'
import { useMe, useSession } from '../../session/store'
import { AddressField } from './address-field'
import { CodeField, readCode } from './code-field'
import { useTexts } from './texts'

interface Credentials {
  email: string
  password: string
}

/** Whoever has yet to confirm their address is signed out by that, and should find the way once more. */
function arrived(next: string | null) {
  keepNext(useSession.getState().me?.email_verified ? null : next)
}

/** Signing in: the password first, then a code where the account has a second factor. */
export function Component() {
  const [params] = useSearchParams()
  const next = params.get('next')
  // Known to be right, and kept for the second step.
  const [accepted, setAccepted] = useState<Credentials>()
  const [email, setEmail] = useState('')
  if (useMe()) return <Navigate to={inside(next)} replace />
  if (!accepted) return <PasswordStep next={next} email={email} onCodeNeeded={setAccepted} />
  return (
    <CodeStep
      next={next}
      credentials={accepted}
      onBack={() => {
        setEmail(accepted.email)
        setAccepted(undefined)
      }}
    />
  )
}

interface PasswordStepProps {
  next: string | null
  /** What was typed before. */
  email: string
  onCodeNeeded: (credentials: Credentials) => void
}

function PasswordStep({ next, email, onCodeNeeded }: PasswordStepProps) {
  const { t } = useTexts()
  const login = useMutation({
    mutationFn: ({ email, password }: Credentials) => signIn(email, password),
    onSuccess: () => arrived(next),
    onError: (error, credentials) => {
      if (describe(error).code === 'SECOND_FACTOR_REQUIRED') onCodeNeeded(credentials)
    },
  })
  const fields = login.error ? describe(login.error).fields : {}
  return (
    <Page title={t('login.title')} narrow>
      <Panel>
        <Form
          onSubmit={(values) =>
            login.mutate({ email: text(values, 'email').trim(), password: text(values, 'password') })
          }
          error={login.error}
        >
          {next && !login.error && <Notice tone="info">{t('login.needed')}</Notice>}
          <AddressField defaultValue={email} error={fields.email} />
          <Password autoComplete="current-password" error={fields.password} />
          <Submit busy={login.isPending} wide>
            {t('login.button')}
          </Submit>
        </Form>
      </Panel>
      <p className="mt-6 text-center">
        <Link to={onTheWay('/forgot-password', next)} className="text-accent underline">
          {t('login.forgot')}
        </Link>
      </p>
      <p className="mt-3 text-center">
        {t('login.noAccount')}{' '}
        <Link to={onTheWay('/register', next)} className="text-accent underline">
          {t('register.title')}
        </Link>
      </p>
    </Page>
  )
}

interface CodeStepProps {
  next: string | null
  credentials: Credentials
  onBack: () => void
}

function CodeStep({ next, credentials, onBack }: CodeStepProps) {
  const { t } = useTexts()
  const login = useMutation({
    mutationFn: (values: FormData) => signIn(credentials.email, credentials.password, readCode(values)),
    onSuccess: () => arrived(next),
  })
  const failure = login.error
    ? describeAt(login.error, {
        SECOND_FACTOR_REQUIRED: { field: 'code', words: t('proof.codeMissing') },
        SECOND_FACTOR_INVALID: { field: 'code', words: t('proof.codeWrong') },
      })
    : undefined
  return (
    <Page title={t('login.codeTitle')} narrow>
      <Panel>
        <Form onSubmit={login.mutate} error={login.error} failure={failure} focus>
          <p>{t('login.codeLead', { email: credentials.email })}</p>
          <CodeField label={t('login.code')} hint={t('login.codeHint')} error={failure?.fields.code} />
          <Submit busy={login.isPending} wide>
            {t('login.codeButton')}
          </Submit>
        </Form>
      </Panel>
      <p className="mt-6 text-center text-muted">{t('login.lost')}</p>
      <p className="mt-1 text-center">
        <Button look="quiet" onClick={onBack}>
          {t('login.back')}
        </Button>
      </p>
    </Page>
  )
}
