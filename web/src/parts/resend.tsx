import { useMutation } from '@tanstack/react-query'
import { useTranslation } from '../i18n/setup'
import { resendVerification } from '../features/account/api'
import { keepNext } from '../session/next'
import { Button } from './button'
import { FailureNotice } from './notice'

interface ResendProps {
  email: string
  /** Where to go on once the address is confirmed. */
  next?: string
}

/** Asks for another verification mail. */
export function Resend({ email, next }: ResendProps) {
  const { t } = useTranslation()
  const resend = useMutation({
    mutationFn: async () => {
      await resendVerification(email)
      if (next) keepNext(next)
    },
  })
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
