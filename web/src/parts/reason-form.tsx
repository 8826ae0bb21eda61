import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { describe, type Failure } from '../api/failure'
import { useTranslation } from '../i18n/setup'
import { Button } from './button'
import { useClose } from './dialog'
import { TextArea } from './field'
import { Form, Submit, text } from './form'

export interface ReasonFormProps<T> {
  /** What is done, as on the button. */
  action: string
  /** What that means. */
  explanation?: ReactNode
  /** Of the field. */
  reason: string
  hint: string
  /** What stands in it at first. */
  initial?: string
  danger?: boolean
  send: (values: FormData, reason: string) => Promise<T>
  onDone: (answer: T) => void
  /** What a refusal means here, where it is not what the API says. */
  told?: (error: unknown) => Failure
  /** Fields beside the reason. */
  children?: (errors: Record<string, string>) => ReactNode
}

/** In a dialog: something that is done for a reason, which is kept. */
export function ReasonForm<T>({
  action,
  explanation,
  reason,
  hint,
  initial,
  danger,
  send,
  onDone,
  told = describe,
  children,
}: ReasonFormProps<T>) {
  const { t } = useTranslation()
  const close = useClose()
  const acting = useMutation({
    mutationFn: (values: FormData) => send(values, text(values, 'reason').trim()),
    onSuccess: (answer) => {
      close()
      onDone(answer)
    },
  })
  const failure = acting.error ? told(acting.error) : undefined
  const fields = failure?.fields ?? {}
  return (
    <Form onSubmit={acting.mutate} error={acting.error} failure={failure} focus>
      {explanation && <div>{explanation}</div>}
      {children?.(fields)}
      <TextArea
        label={reason}
        name="reason"
        rows={2}
        maxLength={500}
        required
        defaultValue={initial}
        hint={hint}
        error={fields.reason}
      />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('common.cancel')}</Button>
        <Submit busy={acting.isPending} danger={danger}>
          {action}
        </Submit>
      </div>
    </Form>
  )
}
