import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { describe, describeAt } from '../../api/failure'
import { Button } from '../../parts/button'
import { Form, Submit, text } from '../../parts/form'
import { Password } from '../../parts/password'
import { forget, signIn } from '../../session/session'
import { useMe } from '../../session/store'
import { Modal } from '../../ui/modal'
import { CodeField, readCode } from './code-field'
import { useEntryTexts } from './entry-texts'
import { PasskeyButton } from './passkey-button'

interface Attempt {
  step: 'password' | 'code'
  password: string
  code?: string
}

/** Known to be right, and kept for the second step. */
interface Accepted {
  password: string
  /** What the second factor may be. */
  methods: string[]
}

/** Over the page, when the session has ended: what is on it stays, and what was asked for meanwhile goes on. */
export function SignInAgain() {
  const { t } = useEntryTexts()
  const me = useMe()
  const [accepted, setAccepted] = useState<Accepted>()
  const email = me?.email ?? ''
  const login = useMutation({
    mutationFn: ({ password, code }: Attempt) => signIn({ email, password, code }),
    onError: (error, { step, password }) => {
      const { code, methods = [] } = describe(error)
      if (step === 'password' && code === 'SECOND_FACTOR_REQUIRED') setAccepted({ password, methods })
    },
  })
  const failure = login.error
    ? describeAt(login.error, {
        SECOND_FACTOR_REQUIRED: { field: 'code', words: t('proof.codeMissing') },
        SECOND_FACTOR_INVALID: { field: 'code', words: t('proof.codeWrong') },
      })
    : undefined
  const asked = accepted !== undefined && login.variables?.step === 'password'
  return (
    <Modal title={t('again.title')}>
      <p className="mb-5">{t('again.text', { email })}</p>
      <Form
        key={accepted ? 'code' : 'password'}
        focus
        // That a code is asked for is no failure.
        error={asked ? null : login.error}
        failure={failure}
        onSubmit={(values) =>
          login.mutate(
            accepted
              ? { step: 'code', password: accepted.password, code: readCode(values) }
              : { step: 'password', password: text(values, 'password') },
          )
        }
      >
        {!accepted ? (
          <>
            {/* For password managers: whose password it is. */}
            <input type="email" autoComplete="username" value={email} readOnly hidden />
            <Password autoComplete="current-password" error={failure?.fields.password} />
          </>
        ) : (
          <CodeField
            label={t('login.code')}
            hint={t(accepted.methods.includes('app') ? 'login.codeHint' : 'login.recoveryHint')}
            error={asked ? undefined : failure?.fields.code}
          />
        )}
        <Submit busy={login.isPending} wide>
          {t(accepted ? 'login.codeButton' : 'login.button')}
        </Submit>
      </Form>
      {accepted?.methods.includes('passkey') && (
        <PasskeyButton
          label={t('login.passkeyInstead')}
          signIn={(passkey) => signIn({ email, password: accepted.password, passkey })}
        />
      )}
      <p className="mt-3 text-center">
        <Button look="quiet" onClick={forget}>
          {t('again.leave')}
        </Button>
      </p>
    </Modal>
  )
}
