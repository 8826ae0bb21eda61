import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { DialogButton, useClose } from './dialog'
import { FailureNotice } from './notice'

interface ConfirmProps {
  /** What is done, as on the button. */
  action: string
  /** To what, where several buttons of a page say the same. */
  about?: string
  /** What that means. */
  text: string
  danger?: boolean
  /** As wide as its place; by default it is. */
  wide?: boolean
  onConfirm: () => Promise<unknown>
}

/** A button that asks once more before it acts. */
export function Confirm({ action, about, text, danger, wide = true, onConfirm }: ConfirmProps) {
  const { t } = useTranslation()
  return (
    <DialogButton
      action={action}
      about={about}
      title={t('studio.sure', { action })}
      look={danger ? 'danger' : 'secondary'}
      wide={wide}
    >
      <Question {...{ action, text, danger, onConfirm }} />
    </DialogButton>
  )
}

function Question({ action, text, danger, onConfirm }: ConfirmProps) {
  const { t } = useTranslation()
  const close = useClose()
  const act = useMutation({ mutationFn: onConfirm, onSuccess: close })
  return (
    <>
      <p className="mb-6">{text}</p>
      {act.error && (
        <div className="mb-4">
          <FailureNotice error={act.error} />
        </div>
      )}
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('common.cancel')}</Button>
        <Button look={danger ? 'danger' : 'primary'} busy={act.isPending} onClick={() => act.mutate()}>
          {action}
        </Button>
      </div>
    </>
  )
}
