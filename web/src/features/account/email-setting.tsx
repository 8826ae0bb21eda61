import type { Me } from '../../api/types'
import { Badge } from '../../parts/badge'
import { TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { changeEmail } from './api'
import { ProofFields, useProven } from './proof'
import { Setting, useClose } from './setting'
import { useTexts } from './texts'

export function EmailSetting({ me }: { me: Me }) {
  const { t } = useTexts()
  const value = (
    <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1">
      {me.email}
      {me.email_verified ? (
        <Badge tone="good">{t('profile.verified')}</Badge>
      ) : (
        <Badge tone="warn">{t('profile.unverified')}</Badge>
      )}
    </p>
  )
  return (
    <Setting title={t('email.title')} value={value}>
      <EmailForm />
    </Setting>
  )
}

function EmailForm() {
  const { t } = useTexts()
  const close = useClose()
  const { send, busy, error, failure } = useProven(
    async (values, proof) => {
      const email = text(values, 'email').trim()
      await changeEmail(email, proof)
      return email
    },
    (email) => close(t('email.sent', { email })),
  )
  return (
    <Form onSubmit={send} error={error} failure={failure}>
      <TextField
        label={t('email.new')}
        name="email"
        type="email"
        autoComplete="email"
        required
        hint={t('email.newHint')}
        error={failure?.fields.email}
      />
      <ProofFields failure={failure} />
      <Submit busy={busy}>{t('email.button')}</Submit>
    </Form>
  )
}
