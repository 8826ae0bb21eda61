import { DialogButton } from '../../parts/dialog'
import { Select } from '../../parts/field'
import { text } from '../../parts/form'
import { Notice } from '../../parts/notice'
import { ReasonForm, type ReasonFormProps } from '../../parts/reason-form'
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

/** A button, and a dialog that asks for the reason before it acts. */
function Reasoned({ action, danger, ...rest }: Omit<ReasonFormProps<User>, 'reason' | 'hint'>) {
  const { t } = useTexts()
  return (
    <DialogButton action={action} title={action} look={danger ? 'danger' : 'secondary'}>
      <ReasonForm {...rest} {...{ action, danger }} reason={t('reason')} hint={t('reasonHint')} />
    </DialogButton>
  )
}
