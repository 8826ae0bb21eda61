import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Confirm } from '../../parts/confirm'
import { useFocusAfter } from '../../parts/focus'
import { FailureNotice, Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { endOtherSessions, endSession, sessions, type Session } from './api'
import { device } from './device'
import { useTexts } from './texts'

/** Where somebody is signed in. */
export function Sessions() {
  const { t } = useTexts()
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery(sessions)
  const [said, setSaid] = useState('')
  const status = useFocusAfter<HTMLDivElement>(said)
  const after = async (words: string) => {
    await queries.invalidateQueries(sessions)
    setSaid(words)
  }
  // This one first, then those that were used last.
  const list = data?.toSorted(
    (a, b) => Number(b.current) - Number(a.current) || b.refreshed_at.localeCompare(a.refreshed_at),
  )
  return (
    <Panel title={t('sessions.title')}>
      <p className="mb-4 text-muted">{t('sessions.lead')}</p>
      <div ref={status} tabIndex={-1} role="status" className={said ? 'mb-4 outline-none' : 'outline-none'}>
        {said && <Notice tone="good">{said}</Notice>}
      </div>
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      <ul className="divide-y divide-line border-y border-line">
        {list?.map((session) => (
          <Row key={session.id} session={session} onEnded={after} />
        ))}
      </ul>
      {list && list.length > 1 && (
        <div className="mt-5">
          <Confirm
            action={t('sessions.endOthers')}
            text={t('sessions.endOthersText')}
            danger
            wide={false}
            onConfirm={async () => {
              await endOtherSessions()
              await after(t('sessions.endedOthers'))
            }}
          />
        </div>
      )}
      {list?.length === 1 && <p className="mt-4 text-muted">{t('sessions.only')}</p>}
    </Panel>
  )
}

interface RowProps {
  session: Session
  onEnded: (words: string) => Promise<void>
}

function Row({ session, onEnded }: RowProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const { browser, system } = device(session.device)
  const name =
    browser && system
      ? t('sessions.device', { browser, system })
      : (browser ?? system ?? t('sessions.unknown'))
  const told = { device: name }
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-3">
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1 font-medium" title={session.device}>
          {name}
          {session.current && <Badge tone="accent">{t('sessions.current')}</Badge>}
        </p>
        <p className="text-sm text-muted">
          {t('sessions.signedIn', { date: dateTime(session.signed_in_at, language) })},{' '}
          {t('sessions.refreshed', { date: dateTime(session.refreshed_at, language) })}
        </p>
      </div>
      {!session.current && (
        <Confirm
          action={t('sessions.end')}
          about={name}
          text={t('sessions.endText', told)}
          danger
          wide={false}
          onConfirm={async () => {
            await endSession(session.id)
            await onEnded(t('sessions.ended', told))
          }}
        />
      )}
    </li>
  )
}
