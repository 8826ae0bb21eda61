import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { bytes, date, dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { DialogButton } from '../../parts/dialog'
import { useFocusAfter } from '../../parts/focus'
import { FailureNotice, Notice } from '../../parts/notice'
import { Loading, Panel } from '../../parts/page'
import { Frame } from './frame'
import { Guarded } from './guarded'
import {
  askForExport,
  dataExport,
  deletion,
  endAccount,
  exportLink,
  isBeingMade,
  keepAccount,
  type DataExport,
} from './own-data'
import { useTexts } from './texts'

/** A copy of everything that is kept about one, and the end of the account. */
export function Component() {
  return (
    <Frame section="data">
      <Copy />
      <End />
    </Frame>
  )
}

function Copy() {
  const { t } = useTexts()
  const language = useLanguage()
  const queries = useQueryClient()
  const { data: copy, error, refetch } = useQuery(dataExport)
  const ask = useMutation({
    mutationFn: askForExport,
    // Also when it was refused: somebody else may have asked at this session.
    onSettled: () => queries.invalidateQueries(dataExport),
  })
  return (
    <Panel title={t('data.copy')}>
      <div className="space-y-4">
        <p>{t('data.copyText')}</p>
        {copy === undefined && !error && <Loading />}
        {copy === undefined && error && <FailureNotice error={error} retry={() => void refetch()} />}
        <div role="status">{copy && <Made copy={copy} />}</div>
        {ask.error && <FailureNotice error={ask.error} />}
        {copy?.next_at && (
          <p className="text-muted">{t('data.next', { date: dateTime(copy.next_at, language) })}</p>
        )}
        {copy !== undefined && !isBeingMade(copy) && !copy?.next_at && (
          <Button busy={ask.isPending} onClick={() => ask.mutate()}>
            {t('data.ask')}
          </Button>
        )}
      </div>
    </Panel>
  )
}

function Made({ copy }: { copy: DataExport }) {
  const { t } = useTexts()
  const language = useLanguage()
  const download = useMutation({ mutationFn: exportLink, onSuccess: (url) => location.assign(url) })
  if (isBeingMade(copy)) return <Notice tone="info">{t('data.asked')}</Notice>
  const asked = date(copy.asked_at, language)
  if (copy.state !== 'done' || !copy.expires_at) {
    return <p>{t(copy.state === 'failed' ? 'data.failed' : 'data.expired', { date: asked })}</p>
  }
  return (
    <div className="space-y-4">
      <p>
        {t('data.made', {
          date: dateTime(copy.finished_at ?? copy.asked_at, language),
          size: bytes(copy.bytes ?? 0, language),
          until: dateTime(copy.expires_at, language),
        })}
      </p>
      {download.error && <FailureNotice error={download.error} />}
      <Button look="primary" busy={download.isPending} onClick={() => download.mutate()}>
        {t('data.download')}
      </Button>
    </div>
  )
}

function End() {
  const { t } = useTexts()
  const language = useLanguage()
  const queries = useQueryClient()
  const { data: ending, error, refetch } = useQuery(deletion)
  const [said, setSaid] = useState('')
  const status = useFocusAfter<HTMLDivElement>(said)
  const keep = useMutation({
    mutationFn: keepAccount,
    onSuccess: async () => {
      await queries.invalidateQueries(deletion)
      setSaid(t('data.kept'))
    },
  })
  return (
    <Panel title={t('data.end')}>
      <div className="space-y-4">
        <p>{t('data.endText')}</p>
        {ending === undefined && !error && <Loading />}
        {ending === undefined && error && <FailureNotice error={error} retry={() => void refetch()} />}
        <div ref={status} tabIndex={-1} role="status" className="outline-none">
          {ending && (
            <Notice tone="warn">{t('data.ends', { date: dateTime(ending.due_at, language) })}</Notice>
          )}
          {ending === null && said && <Notice tone="good">{said}</Notice>}
        </div>
        {keep.error && <FailureNotice error={keep.error} />}
        {ending && (
          <Button look="primary" busy={keep.isPending} onClick={() => keep.mutate()}>
            {t('data.keep')}
          </Button>
        )}
        {ending === null && (
          <DialogButton action={t('data.end')} title={t('data.end')} look="danger">
            <Guarded
              text={t('data.endText')}
              warning={t('data.endWarning')}
              action={t('data.end')}
              danger
              act={endAccount}
              onDone={() => {
                setSaid('')
                void queries.invalidateQueries(deletion)
              }}
            />
          </DialogButton>
        )}
      </div>
    </Panel>
  )
}
