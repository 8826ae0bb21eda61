import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { describe, describeAt, type Failure } from '../../api/failure'
import { text } from '../../parts/form'
import { Password } from '../../parts/password'
import { secondFactor, type Proof } from './api'
import { CodeField, readCode } from './code-field'
import { useTexts } from './texts'

/** The password again and, where there is a second factor, a code: what guards an account is asked for before it changes. */
export function ProofFields({ failure }: { failure: Failure | undefined }) {
  const { t } = useTexts()
  const { data: factor } = useQuery(secondFactor)
  const fields = failure?.fields ?? {}
  return (
    <>
      <Password label={t('proof.password')} autoComplete="current-password" error={fields.password} />
      {factor?.enabled_at && (
        <CodeField label={t('proof.code')} hint={t('login.codeHint')} error={fields.code} />
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
  const acting = useMutation({
    mutationFn: (values: FormData) =>
      act(values, { password: text(values, 'password'), code: readCode(values) }),
    onSuccess: onDone,
    onError: (error) => {
      // The second factor was switched on or off elsewhere: the fields follow.
      if (['SECOND_FACTOR_REQUIRED', 'SECOND_FACTOR_STATE'].includes(describe(error).code)) {
        void queries.invalidateQueries(secondFactor)
      }
    },
  })
  const failure = acting.error
    ? describeAt(acting.error, {
        INVALID_CREDENTIALS: { field: 'password', words: t('proof.wrong') },
        SECOND_FACTOR_REQUIRED: { field: 'code', words: t('proof.codeMissing') },
        SECOND_FACTOR_INVALID: { field: 'code', words: t('proof.codeWrong') },
      })
    : undefined
  return { send: acting.mutate, busy: acting.isPending, error: acting.error, failure }
}
