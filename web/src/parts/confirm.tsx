import { useMutation } from '@tanstack/react-query'
import { useId, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { FailureNotice } from './notice'

interface ConfirmProps {
  /** What is done, as on the button. */
  action: string
  /** What that means. */
  text: string
  danger?: boolean
  onConfirm: () => Promise<unknown>
}

/** A button that asks once more before it acts. */
export function Confirm({ action, text, danger, onConfirm }: ConfirmProps) {
  const { t } = useTranslation()
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const act = useMutation({ mutationFn: onConfirm, onSuccess: () => dialog.current?.close() })
  const open = () => {
    act.reset()
    dialog.current?.showModal()
  }
  return (
    <>
      <Button look={danger ? 'danger' : 'secondary'} className="w-full" onClick={open}>
        {action}
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby={id}
        className="m-auto w-[min(28rem,calc(100vw-2rem))] rounded-xl border border-line bg-surface p-6 text-ink backdrop:bg-black/50"
      >
        <h2 id={id} className="text-lg font-semibold">
          {t('studio.sure', { action })}
        </h2>
        <p className="mt-2 mb-6">{text}</p>
        {act.error && (
          <div className="mb-4">
            <FailureNotice error={act.error} />
          </div>
        )}
        <div className="flex flex-wrap justify-end gap-3">
          <Button onClick={() => dialog.current?.close()}>{t('common.cancel')}</Button>
          <Button look={danger ? 'danger' : 'primary'} busy={act.isPending} onClick={() => act.mutate()}>
            {action}
          </Button>
        </div>
      </dialog>
    </>
  )
}
