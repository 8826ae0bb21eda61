import { useEffect, useRef, useState, type DragEvent } from 'react'
import { useLanguage } from '../i18n/setup'
import { useTexts } from '../features/studio/texts'
import type { Format } from '../api/types'
import { useDraft } from '../drafts/use-draft'
import { bytes, span } from '../format'
import { Bar } from '../parts/bar'
import { Button } from '../parts/button'
import { TextArea } from '../parts/field'
import { Rejections } from '../parts/findings'
import { Icon } from '../parts/icon'
import { FailureNotice, Notice } from '../parts/notice'
import { Resend } from '../parts/resend'
import { useMe } from '../session/store'
import { refuses } from './check'
import { cancel, dismiss, finish, skip, submit, useUploads, type Transfer } from './uploads'

/** The API checks it, too; but a browser that is still sending may miss its answer. */
const MAX_BYTES = 2 ** 30

interface UploadPanelProps {
  nanoId: string
  format: Format
  /** There is a file already: this becomes its next version, with a word on what is new. */
  next: boolean
}

/** Choosing a file for a nano, and its way to the server. */
export function UploadPanel({ nanoId, format, next }: UploadPanelProps) {
  const { t } = useTexts()
  const me = useMe()
  const transfer = useUploads(({ transfers }) => transfers[nanoId])
  if (me && !me.email_verified) {
    return (
      <Notice tone="warn">
        <p className="mb-3">{t('upload.needVerified')}</p>
        <Resend email={me.email} />
      </Notice>
    )
  }
  if (!transfer) return <Chooser nanoId={nanoId} format={format} next={next} />
  if (transfer.phase === 'checking') return <Checking nanoId={nanoId} transfer={transfer} />
  if (transfer.phase === 'refused') return <Refused nanoId={nanoId} transfer={transfer} />
  if (transfer.phase === 'failed') return <Failed nanoId={nanoId} transfer={transfer} />
  return <Sending nanoId={nanoId} transfer={transfer} />
}

function Chooser({ nanoId, format, next }: UploadPanelProps) {
  const { t } = useTexts()
  const input = useRef<HTMLInputElement>(null)
  const changelog = useRef<HTMLTextAreaElement>(null)
  const draft = useDraft<string>(`changelog.${nanoId}`)
  const [over, setOver] = useState(false)
  const [refused, setRefused] = useState<'onlyOne' | 'tooLarge'>()
  useEffect(() => {
    // Missing the box by an inch must not open the file in place of the page.
    const ignore = (event: Event) => event.preventDefault()
    addEventListener('dragover', ignore)
    addEventListener('drop', ignore)
    return () => {
      removeEventListener('dragover', ignore)
      removeEventListener('drop', ignore)
    }
  }, [])
  const take = (files: FileList | null) => {
    setOver(false)
    const [file, second] = files ?? []
    if (!file) return
    if (second) setRefused('onlyOne')
    else if (file.size > MAX_BYTES) setRefused('tooLarge')
    else {
      // From here on it goes along with the file.
      draft.drop()
      void submit(nanoId, file, { format, changelog: changelog.current?.value })
    }
  }
  const drag = (event: DragEvent) => {
    event.preventDefault()
    setOver(true)
  }
  return (
    <div className="space-y-4">
      {next && (
        <TextArea
          ref={changelog}
          label={t('upload.changelog')}
          optional
          rows={2}
          maxLength={1000}
          defaultValue={draft.kept?.values}
          onChange={({ target }) => (target.value === '' ? draft.drop() : draft.keep(target.value))}
        />
      )}
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions -- dropping is for the mouse; the button does the same for everybody */}
      <div
        onDragEnter={drag}
        onDragOver={drag}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          take(event.dataTransfer.files)
        }}
        className={`flex flex-col items-center gap-3 rounded-xl border-2 border-dashed px-4 py-10 text-center ${
          over ? 'border-accent bg-accent-soft' : 'border-edge'
        }`}
      >
        <Icon name="upload" className="size-8 text-accent" />
        <p className="font-medium">{over ? t('upload.dropHere') : t('upload.drop')}</p>
        <p className="text-sm text-muted">{t('upload.or')}</p>
        <Button look="primary" onClick={() => input.current?.click()}>
          {t('upload.choose')}
        </Button>
        <input
          ref={input}
          type="file"
          accept=".zip,application/zip"
          className="hidden"
          onChange={(event) => take(event.target.files)}
        />
        <p className="max-w-md text-sm text-muted">{t('upload.limits')}</p>
      </div>
      {refused && <Notice tone="bad">{t(`upload.${refused}`)}</Notice>}
    </div>
  )
}

/** The check that the server will do again, before a byte is sent. */
function Checking({ nanoId, transfer }: { nanoId: string; transfer: Transfer }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { name, checked, total, report } = transfer
  const part = total === 0 ? 0 : checked / total
  const refused = report !== undefined && refuses(report)
  return (
    <div className="space-y-4">
      <div>
        <p className="mb-2 font-medium">{t('upload.checking', { name })}</p>
        <Bar part={part} label={t('upload.checking', { name })} className="h-3" />
        <p className="mt-2 text-sm text-muted tabular-nums">
          {t('upload.sent', { sent: bytes(checked, language), total: bytes(total, language) })} ·{' '}
          {t('upload.notSentYet')}
        </p>
      </div>
      <div className="flex flex-wrap gap-3">
        <Button onClick={() => cancel(nanoId)}>{t('common.cancel')}</Button>
        {!refused && <Button onClick={() => skip(nanoId)}>{t('upload.skipCheck')}</Button>}
      </div>
      {refused && <Rejections report={report} />}
      {/* Read out in steps of a quarter, as while sending. */}
      <p role="status" className="sr-only">
        {t('upload.checkedPercent', { percent: Math.floor(part * 4) * 25 })}
      </p>
    </div>
  )
}

/** What would be refused is not sent. */
function Refused({ nanoId, transfer }: { nanoId: string; transfer: Transfer }) {
  const { t } = useTexts()
  return (
    <div className="space-y-4">
      <Notice tone="bad">
        <p className="font-medium">{t('upload.refused', { name: transfer.name })}</p>
      </Notice>
      {transfer.report && <Rejections report={transfer.report} />}
      <Button look="primary" onClick={() => dismiss(nanoId)}>
        {t('upload.another')}
      </Button>
    </div>
  )
}

function Sending({ nanoId, transfer }: { nanoId: string; transfer: Transfer }) {
  const { t } = useTexts()
  const language = useLanguage()
  const percent = transfer.total === 0 ? 100 : Math.floor((transfer.sent / transfer.total) * 100)
  const sent = transfer.sent >= transfer.total
  const size = { sent: bytes(transfer.sent, language), total: bytes(transfer.total, language) }
  const words = [
    transfer.phase !== 'sending'
      ? t('upload.finishing')
      : sent
        ? t('upload.storing')
        : t('upload.sent', size),
    !sent &&
      transfer.remainingMs !== undefined &&
      t('upload.remaining', { time: span(Math.max(1000, transfer.remainingMs), language) }),
  ]
  return (
    <div>
      <p className="mb-2 font-medium">{t('upload.sending', { name: transfer.name })}</p>
      <Bar part={percent / 100} label={t('upload.sending', { name: transfer.name })} className="h-3" />
      <div className="mt-2 flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-muted tabular-nums">{words.filter(Boolean).join(' · ')}</p>
        {transfer.phase === 'sending' && <Button onClick={() => cancel(nanoId)}>{t('common.cancel')}</Button>}
      </div>
      {/* Read out in steps of a quarter: a steady stream of numbers would drown everything else. */}
      <p role="status" className="sr-only">
        {transfer.phase === 'sending'
          ? t('upload.percent', { percent: percent - (percent % 25) })
          : t('upload.finishing')}
      </p>
    </div>
  )
}

function Failed({ nanoId, transfer }: { nanoId: string; transfer: Transfer }) {
  const { t } = useTexts()
  return (
    <div className="space-y-4">
      <p className="font-medium">{transfer.uploadId ? t('upload.finishFailed') : t('upload.failed')}</p>
      {transfer.failure && <FailureNotice failure={transfer.failure} />}
      <div className="flex flex-wrap gap-3">
        {transfer.uploadId && (
          <Button look="primary" onClick={() => void finish(nanoId)}>
            {t('common.retry')}
          </Button>
        )}
        <Button onClick={() => dismiss(nanoId)}>{t('upload.again')}</Button>
      </div>
    </div>
  )
}
