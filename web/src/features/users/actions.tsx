import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { describe } from '../../api/failure'
import { Button } from '../../parts/button'
import { DialogButton, useClose } from '../../parts/dialog'
import { Select, TextArea } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { Notice } from '../../parts/notice'
import { act, ROLES, setRole, type Act, type Role, type User } from './api'
import { useTexts } from './texts'

interface ActionsProps {
  user: User
  own: boolean
  /** Gets the account as it is now, and what to say. */
  onDone: (fresh: User, words: string) => void
}

/** What an administrator does to an account; each takes a reason. */
export function Actions({ user, own, onDone }: ActionsProps) {
  const { t } = useTexts()
  const simple = (
    what: Act,
    words: 'suspend' | 'unsuspend' | 'endSessions' | 'removeFactor',
    danger = true,
  ) => (
    <Reasoned
      action={t(`${words}.action`)}
      explanation={own && words === 'endSessions' ? t('endSessions.own') : t(`${words}.text`)}
      danger={danger}
      send={(_, reason) => act(user.id, what, reason)}
      onDone={(fresh) => onDone(fresh, t(`${words}.done`))}
    />
  )
  return (
    <div className="space-y-4">
      {own && <Notice tone="info">{t('own')}</Notice>}
      <div className="flex flex-wrap gap-3">
        {!own && (
          <Reasoned
            action={t('setRole.action')}
            explanation={`${t('setRole.text')} ${t('setRole.confirm')}`}
            send={(values, reason) => setRole(user.id, text(values, 'role') as Role, reason)}
            onDone={(fresh) =>
              onDone(fresh, t('setRole.done', { role: t(`translation:role.${fresh.role}`) }))
            }
          >
            {(fields) => (
              <Select
                label={t('role')}
                name="role"
                defaultValue={user.role}
                options={ROLES.map((role) => [role, t(`translation:role.${role}`)] as const)}
                error={fields.role}
              />
            )}
          </Reasoned>
        )}
        {simple('end-sessions', 'endSessions')}
        {!own && user.second_factor && simple('remove-second-factor', 'removeFactor')}
        {!own && user.status !== 'suspended' && simple('suspend', 'suspend')}
        {!own && user.status === 'suspended' && simple('unsuspend', 'unsuspend', false)}
      </div>
    </div>
  )
}

interface ReasonedProps {
  action: string
  explanation: string
  danger?: boolean
  send: (values: FormData, reason: string) => Promise<User>
  onDone: (fresh: User) => void
  /** Fields beside the reason. */
  children?: (errors: Record<string, string>) => ReactNode
}

/** A button, and a dialog that asks for the reason before it acts. */
function Reasoned({ action, danger, ...rest }: ReasonedProps) {
  return (
    <DialogButton action={action} title={action} look={danger ? 'danger' : 'secondary'}>
      <ReasonForm {...rest} {...{ action, danger }} />
    </DialogButton>
  )
}

function ReasonForm({ action, explanation, danger, send, onDone, children }: ReasonedProps) {
  const { t } = useTexts()
  const close = useClose()
  const acting = useMutation({
    mutationFn: (values: FormData) => send(values, text(values, 'reason').trim()),
    onSuccess: (fresh) => {
      close()
      onDone(fresh)
    },
  })
  const fields = acting.error ? describe(acting.error).fields : {}
  return (
    <Form onSubmit={acting.mutate} error={acting.error} focus>
      <p>{explanation}</p>
      {children?.(fields)}
      <TextArea
        label={t('reason')}
        name="reason"
        rows={2}
        maxLength={500}
        required
        hint={t('reasonHint')}
        error={fields.reason}
      />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('translation:common.cancel')}</Button>
        <Submit busy={acting.isPending} danger={danger}>
          {action}
        </Submit>
      </div>
    </Form>
  )
}
