import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, Navigate, useSearchParams } from 'react-router'
import { describe, describeAt } from '../../api/failure'
import { Button } from '../../parts/button'
import { Form, Submit, text } from '../../parts/form'
import { FailureNotice, Notice } from '../../parts/notice'
import { Page, Panel } from '../../parts/page'
import { Password } from '../../parts/password'
import { inside, keepNext, onTheWay } from '../../session/next'
import { signIn, signInWithPasskey, type Credentials } from '../../session/session'
import { useMe, useSession } from '../../session/store'
import { AddressField } from './address-field'
import { passkeyAnswer } from './api'
import { CodeField, readCode } from './code-field'
import { useNoPasskey } from './no-passkey'
import { knowsPasskeys, type PasskeyAnswer } from './passkey'
import { useTexts } from './texts'

/** Known to be right, and kept for the second step. */
interface Accepted {
  email: string
  password: string
  /** What the second factor may be. */
  methods: string[]
}

/** Whoever has yet to confirm their address is signed out by that, and should find the way once more. */
function arrived(next: string | null) {
  keepNext(useSession.getState().me?.email_verified ? null : next)
}

/** Signing in: by passkey, or with the password, and then with a code or passkey where the account has a second factor. */
export function Component() {
  const [params] = useSearchParams()
  const next = params.get('next')
  const [accepted, setAccepted] = useState<Accepted>()
  const [email, setEmail] = useState('')
  if (useMe()) return <Navigate to={inside(next)} replace />
  if (!accepted) return <PasswordStep next={next} email={email} onCodeNeeded={setAccepted} />
  return (
    <CodeStep
      next={next}
      accepted={accepted}
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
  onCodeNeeded: (accepted: Accepted) => void
}

function PasswordStep({ next, email, onCodeNeeded }: PasswordStepProps) {
  const { t } = useTexts()
  const login = useMutation({
    mutationFn: (credentials: Credentials) => signIn(credentials),
    onSuccess: () => arrived(next),
    onError: (error, { email, password }) => {
      const { code, methods = [] } = describe(error)
      if (code === 'SECOND_FACTOR_REQUIRED') onCodeNeeded({ email, password, methods })
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
      <ByPasskey label={t('login.passkey')} signIn={signInWithPasskey} next={next} />
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

interface ByPasskeyProps {
  label: string
  signIn: (passkey: PasskeyAnswer) => Promise<void>
  next: string | null
}

/** Signing in with a passkey, where the browser knows them. */
function ByPasskey({ label, signIn, next }: ByPasskeyProps) {
  const noPasskey = useNoPasskey()
  const login = useMutation({
    mutationFn: async () => signIn(await passkeyAnswer()),
    onSuccess: () => arrived(next),
  })
  if (!knowsPasskeys()) return null
  return (
    <div className="mt-6 space-y-4">
      {login.error && <FailureNotice error={login.error} failure={noPasskey(login.error)} />}
      <Button className="w-full" busy={login.isPending} onClick={() => login.mutate()}>
        {label}
      </Button>
    </div>
  )
}

interface CodeStepProps {
  next: string | null
  accepted: Accepted
  onBack: () => void
}

function CodeStep({ next, accepted: { email, password, methods }, onBack }: CodeStepProps) {
  const { t } = useTexts()
  const app = methods.includes('app')
  const login = useMutation({
    mutationFn: (values: FormData) => signIn({ email, password, code: readCode(values) }),
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
          <p>{t(app ? 'login.codeLead' : 'login.passkeyLead', { email })}</p>
          <CodeField
            label={t('login.code')}
            hint={t(app ? 'login.codeHint' : 'login.recoveryHint')}
            error={failure?.fields.code}
          />
          <Submit busy={login.isPending} wide>
            {t('login.codeButton')}
          </Submit>
        </Form>
      </Panel>
      {methods.includes('passkey') && (
        <ByPasskey
          label={t('login.passkeyInstead')}
          signIn={(passkey) => signIn({ email, password, passkey })}
          next={next}
        />
      )}
      <p className="mt-6 text-center text-muted">{t('login.lost')}</p>
      <p className="mt-1 text-center">
        <Button look="quiet" onClick={onBack}>
          {t('login.back')}
        </Button>
      </p>
    </Page>
  )
}
