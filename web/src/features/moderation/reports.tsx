import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useSearchParams } from '../../app/navigation'
import { describe } from '../../api/failure'
import { useDraft } from '../../drafts/use-draft'
import { dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { DialogButton } from '../../parts/dialog'
import { TextArea } from '../../parts/field'
import { FailureNotice, Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { ReasonForm } from '../../parts/reason-form'
import { useMe, useRight } from '../../session/store'
import {
  closeChat,
  decideReport,
  reportPage,
  reportsKey,
  type Message,
  type ReportCase,
  type ReportDecision,
} from '../chat/api'
import { useTexts } from './texts'
import { WaitingList } from './waiting-list'

/** Messages that somebody has reported, and that wait for a person's decision. */
export function Component() {
  const [params] = useSearchParams()
  const page = Math.max(1, Math.floor(Number(params.get('page')) || 1))
  const read = useQuery(reportPage(page))
  const [said, setSaid] = useState('')
  return (
    <WaitingList of="reports" said={said} read={read} path="/moderation/reports">
      {(item) => (
        <li key={item.report.id}>
          <ReportCard item={item} onDone={setSaid} />
        </li>
      )}
    </WaitingList>
  )
}

interface CardProps {
  item: ReportCase
  onDone: (words: string) => void
}

function ReportCard({ item, onDone }: CardProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const me = useMe()
  const closes = useRight('chats:close')
  const { report, messages, reporter_id: reporter } = item
  const own = me?.id === reporter || messages.some(({ sender_id }) => sender_id === me?.id)
  return (
    <Panel>
      <article className="space-y-4">
        <div>
          <h2 className="text-lg font-semibold">{t(`reports.reasons.${report.reason}`)}</h2>
          <p className="text-sm text-muted">
            {t('reports.since', { date: dateTime(report.created_at, language) })}
          </p>
        </div>
        {report.note && (
          <div>
            <h3 className="font-semibold">{t('reports.note')}</h3>
            <p className="whitespace-pre-wrap">{report.note}</p>
          </div>
        )}
        <div>
          <h3 className="mb-2 font-semibold">{t('reports.messages')}</h3>
          <ol className="space-y-3">
            {messages.map((message) => (
              <Said
                key={message.id}
                message={message}
                byReporter={message.sender_id === reporter}
                reported={message.seq === report.seq}
              />
            ))}
          </ol>
        </div>
        {own ? (
          <Notice tone="info">{t('reports.own')}</Notice>
        ) : (
          <>
            <Decision item={item} onDone={onDone} />
            {closes && <Close chat={report.session_id} onDone={onDone} />}
          </>
        )}
      </article>
    </Panel>
  )
}

interface SaidProps {
  message: Message
  byReporter: boolean
  /** It is the one that the report is about. */
  reported: boolean
}

function Said({ message, byReporter, reported }: SaidProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const manages = useRight('users:manage')
  const who = byReporter ? t('reports.reporter') : t('reports.other')
  return (
    <li className={`border-l-4 pl-4 ${reported ? 'border-bad' : 'border-line'}`}>
      <p className="flex flex-wrap items-center gap-x-2 text-sm text-muted">
        {manages ? (
          <Link to={`/operations/users/${message.sender_id}`} className="underline">
            {who}
          </Link>
        ) : (
          who
        )}
        <span>{dateTime(message.created_at, language)}</span>
        {reported && <Badge tone="bad">{t('reports.reported')}</Badge>}
      </p>
      <p className="whitespace-pre-wrap">{message.removed ? t('reports.removed') : message.text}</p>
    </li>
  )
}

function Decision({ item: { report }, onDone }: CardProps) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const draft = useDraft<string>(`chat-report.${report.id}`)
  const [reason, setReason] = useState(draft.kept?.values ?? '')
  const judge = useMutation({
    mutationFn: (decision: ReportDecision) => decideReport(report.id, decision, reason),
    onSuccess: async (_, decision) => {
      draft.drop()
      onDone(t(decision === 'delete' ? 'reports.deleted' : 'reports.left'))
      await queries.invalidateQueries({ queryKey: reportsKey })
    },
  })
  const failure = judge.error ? describe(judge.error) : undefined
  const wrong = failure?.fields.reason
  return (
    <div className="space-y-3 border-t border-line pt-4">
      <TextArea
        label={t('moderation.reason')}
        hint={t('reports.reasonHint')}
        rows={2}
        maxLength={500}
        required
        value={reason}
        onChange={(event) => {
          setReason(event.target.value)
          if (event.target.value === '') draft.drop()
          else draft.keep(event.target.value)
        }}
        error={wrong}
      />
      {failure && wrong === undefined && <FailureNotice failure={failure} />}
      <div className="flex flex-wrap gap-3">
        <Button
          look="primary"
          busy={judge.isPending && judge.variables === 'no_action'}
          onClick={() => judge.mutate('no_action')}
        >
          {t('reports.leave')}
        </Button>
        <Button
          look="danger"
          busy={judge.isPending && judge.variables === 'delete'}
          onClick={() => judge.mutate('delete')}
        >
          {t('reports.delete')}
        </Button>
      </div>
    </div>
  )
}

/** For administrators: nothing is added to the chat any more. */
function Close({ chat, onDone }: { chat: string; onDone: (words: string) => void }) {
  const { t } = useTexts()
  return (
    <DialogButton action={t('reports.close')} title={t('reports.close')} look="danger">
      <ReasonForm
        action={t('reports.close')}
        explanation={t('reports.closeText')}
        reason={t('moderation.reason')}
        hint={t('reports.reasonHint')}
        danger
        send={(_, reason) => closeChat(chat, reason)}
        onDone={() => onDone(t('reports.closed'))}
      />
    </DialogButton>
  )
}
