import { useMutation } from '@tanstack/react-query'
import { describe } from '../../api/failure'
import { Button } from '../../parts/button'
import { Form, Submit, text } from '../../parts/form'
import { Notice } from '../../parts/notice'
import { AddressField } from './address-field'
import { forgotPassword, resendVerification } from './api'
import { useTexts } from './texts'

/** Asks for a mail with a link: by which a forgotten password is set anew, or an address is confirmed. */
export function AskLink({ link, email }: { link: 'reset' | 'verification'; email?: string }) {
  const { t } = useTexts()
  const ask = useMutation({
    mutationFn: async (values: FormData) => {
      const email = text(values, 'email').trim()
      await (link === 'reset' ? forgotPassword(email) : resendVerification(email))
      return email
    },
  })
  if (ask.data) {
    const told = { email: ask.data }
    return (
      <div className="space-y-4">
        <Notice tone="good" urgent>
          {link === 'reset' ? t('ask.sentReset', told) : t('ask.sentVerification', told)}
        </Notice>
        <Button onClick={() => ask.reset()}>{t('ask.again')}</Button>
      </div>
    )
  }
  const fields = ask.error ? describe(ask.error).fields : {}
  return (
    <Form onSubmit={(values) => ask.mutate(values)} error={ask.error}>
      <AddressField defaultValue={email} error={fields.email} />
      <Submit busy={ask.isPending} wide>
        {t('ask.button')}
      </Submit>
    </Form>
  )
}
