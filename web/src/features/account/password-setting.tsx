import { useMutation, useQueryClient } from '@tanstack/react-query'
import { describeAt } from '../../api/failure'
import type { Me } from '../../api/types'
import { Form, Submit, text } from '../../parts/form'
import { Password } from '../../parts/password'
import { changePassword, sessions } from './api'
import { Setting, useClose } from './setting'
import { useTexts } from './texts'

export function PasswordSetting({ me }: { me: Me }) {
  const { t } = useTexts()
  const value = <p className="mt-1 text-muted">{t('password.text')}</p>
  return (
    <Setting title={t('password.title')} value={value}>
      <PasswordForm email={me.email} />
    </Setting>
  )
}

function PasswordForm({ email }: { email: string }) {
  const { t } = useTexts()
  const close = useClose()
  const queries = useQueryClient()
  const change = useMutation({
    mutationFn: (values: FormData) =>
      changePassword(text(values, 'current_password'), text(values, 'new_password')),
    onSuccess: () => {
      void queries.invalidateQueries(sessions)
      close(t('password.done'))
    },
  })
  const failure = change.error
    ? describeAt(change.error, {
        INVALID_CREDENTIALS: { field: 'current_password', words: t('proof.wrong') },
      })
    : undefined
  return (
    <Form onSubmit={(values) => change.mutate(values)} error={change.error} failure={failure}>
      {/* Tells password managers whose password this is. */}
      <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
      <Password
        label={t('password.current')}
        name="current_password"
        autoComplete="current-password"
        error={failure?.fields.current_password}
      />
      <Password
        label={t('password.new')}
        name="new_password"
        autoComplete="new-password"
        hint={t('fields.passwordHint')}
        error={failure?.fields.new_password}
      />
      <Submit busy={change.isPending}>{t('password.button')}</Submit>
    </Form>
  )
}
