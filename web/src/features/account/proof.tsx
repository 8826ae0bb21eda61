import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { describe, describeAt, type Failure } from '../../api/failure'
import { text } from '../../parts/form'
import { Password } from '../../parts/password'
import { passkeyAnswer, passkeys, secondFactor, type Proof } from './api'
import { CodeField, readCode } from './code-field'
import { useNoPasskey } from './no-passkey'
import { knowsPasskeys } from './passkey'
import { useTexts } from './texts'

/** What second factors the person has, as far as is known. */
function useFactors() {
  const { data } = useQuery(secondFactor)
  const keys = (data?.passkeys ?? 0) > 0
  return { app: Boolean(data?.enabled_at), keys, usable: keys && knowsPasskeys() }
}

/**
 * The password again and, where there is a second factor, a code or a passkey: what guards an account is asked for before it
 * changes.
 */
export function ProofFields({ failure }: { failure: Failure | undefined }) {
  const { t } = useTexts()
  const { app, keys, usable } = useFactors()
  const fields = failure?.fields ?? {}
  const hint = t(app ? 'login.codeHint' : 'login.recoveryHint')
  return (
    <>
      <Password label={t('proof.password')} autoComplete="current-password" error={fields.password} />
      {(app || keys) && (
        <CodeField
          label={t('proof.code')}
          hint={usable ? `${t('proof.passkeyHint')} ${hint}` : hint}
          error={fields.code}
          optional={usable}
        />
      )}
    </>
  )
}

/** Something that is done with a form that has these fields; what is wrong with them is said there. */
export function useProven<T>(
  act: (values: FormData, proof: Proof) => Promise<T>,
  onDone: (result: T) => void,
) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const { usable } = useFactors()
  const noPasskey = useNoPasskey()
  const acting = useMutation({
    mutationFn: async (values: FormData) => {
      const code = readCode(values)
      const passkey = usable && !code ? await passkeyAnswer() : undefined
      return act(values, { password: text(values, 'password'), code, passkey })
    },
    onSuccess: onDone,
    // When it was used last.
    onSettled: () => usable && queries.invalidateQueries(passkeys),
    onError: (error) => {
      // The second factor was switched on or off elsewhere: the fields follow.
      if (['SECOND_FACTOR_REQUIRED', 'SECOND_FACTOR_STATE'].includes(describe(error).code)) {
        void queries.invalidateQueries(secondFactor)
      }
    },
  })
  const failure = acting.error
    ? (noPasskey(acting.error) ??
      describeAt(acting.error, {
        INVALID_CREDENTIALS: { field: 'password', words: t('proof.wrong') },
        SECOND_FACTOR_REQUIRED: { field: 'code', words: t('proof.codeMissing') },
        SECOND_FACTOR_INVALID: { field: 'code', words: t('proof.codeWrong') },
      }))
    : undefined
  return { send: acting.mutate, busy: acting.isPending, error: acting.error, failure }
}
