import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { resendVerification } from '../features/account/api'
import { Button } from './button'
import { FailureNotice } from './notice'

/** Asks for another verification mail. */
export function Resend({ email }: { email: string }) {
  const { t } = useTranslation()
  const resend = useMutation({ mutationFn: () => resendVerification(email) })
  return (
    <div className="space-y-3">
      <Button busy={resend.isPending} onClick={() => resend.mutate()}>
        {t('auth.resend')}
      </Button>
      <p role="status">{resend.isSuccess && t('auth.resent')}</p>
      {resend.error && <FailureNotice error={resend.error} />}
    </div>
  )
}
