import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { describe } from '../../api/failure'
import { Button } from '../../parts/button'
import { useClose } from '../../parts/dialog'
import { Select, TextArea } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { LONGEST_NOTE, REPORT_REASONS, reportMessage, type Message } from './api'
import { useTexts } from './texts'

interface ReportFormProps {
  chat: string
  message: Message
  /** Of whoever has written it. */
  name: string
  onDone: () => void
}

/** In a dialog: tells the moderators of a message. */
export function ReportForm({ chat, message, name, onDone }: ReportFormProps) {
  const { t } = useTexts()
  const close = useClose()
  // Of this one report: what was not sent, or changed, is another.
  const [key, setKey] = useState(() => crypto.randomUUID())
  const report = useMutation({
    mutationFn: (values: FormData) =>
      reportMessage(chat, message.seq, text(values, 'reason'), text(values, 'note').trim(), key),
    onSuccess: () => {
      close()
      onDone()
    },
  })
  const fields = report.error ? describe(report.error).fields : {}
  return (
    <Form
      onSubmit={(values) => report.mutate(values)}
      onType={() => setKey(crypto.randomUUID())}
      error={report.error}
      focus
    >
      <p>{t('report.text', { name })}</p>
      <blockquote className="max-h-40 overflow-y-auto border-l-4 border-line pl-4 whitespace-pre-wrap">
        {message.text}
      </blockquote>
      <Select
        label={t('report.reason')}
        name="reason"
        options={REPORT_REASONS.map((reason) => [reason, t(`report.reasons.${reason}`)] as const)}
        error={fields.reason}
      />
      <TextArea
        label={t('report.note')}
        name="note"
        rows={3}
        maxLength={LONGEST_NOTE}
        optional
        error={fields.note}
      />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('translation:common.cancel')}</Button>
        <Submit busy={report.isPending} danger>
          {t('report.action')}
        </Submit>
      </div>
    </Form>
  )
}
