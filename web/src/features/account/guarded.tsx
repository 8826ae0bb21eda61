import { Button } from '../../parts/button'
import { useClose } from '../../parts/dialog'
import { Form, Submit } from '../../parts/form'
import { Notice } from '../../parts/notice'
import type { Proof } from './api'
import { ProofFields, useProven } from './proof'
import { useTexts } from './texts'

interface GuardedProps<T> {
  text: string
  warning?: string
  action: string
  danger?: boolean
  act: (proof: Proof) => Promise<T>
  onDone: (result: T) => void
}

/** Something in a dialog that needs the password and, where there is one, the second factor. */
export function Guarded<T>({ text, warning, action, danger, act, onDone }: GuardedProps<T>) {
  const { t } = useTexts()
  const close = useClose()
  const { send, busy, error, failure } = useProven(
    (_, proof) => act(proof),
    (result) => {
      close()
      onDone(result)
    },
  )
  return (
    <Form onSubmit={send} error={error} failure={failure} focus>
      <p>{text}</p>
      {warning && <Notice tone="warn">{warning}</Notice>}
      <ProofFields failure={failure} />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('translation:common.cancel')}</Button>
        <Submit busy={busy} danger={danger}>
          {action}
        </Submit>
      </div>
    </Form>
  )
}
