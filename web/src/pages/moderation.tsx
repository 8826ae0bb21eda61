import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useLanguage } from '../i18n/setup'
import { useTexts } from '../features/moderation/texts'
import { WaitingList } from '../features/moderation/waiting-list'
import { Link, useSearchParams } from '../app/navigation'
import { describe } from '../api/failure'
import { decide, moderationQueue } from '../api/moderation'
import { downloadLink, versionDetail } from '../api/nanos'
import type { Case } from '../api/types'
import { useDraft } from '../drafts/use-draft'
import { bytes, dateTime } from '../format'
import { Button } from '../parts/button'
import { Contents } from '../parts/contents'
import { Facts } from '../parts/facts'
import { TextArea } from '../parts/field'
import { ScanFindings } from '../parts/findings'
import { Icon } from '../parts/icon'
import { FailureNotice, Notice } from '../parts/notice'
import { Panel } from '../parts/page'
import { Picture } from '../parts/picture'
import { Words } from '../parts/words'
import { useMe } from '../session/store'

/** Versions, edits and words of ratings that wait for a person's decision. */
export function Component() {
  const [params] = useSearchParams()
  const page = Math.max(1, Math.floor(Number(params.get('page')) || 1))
  const read = useQuery(moderationQueue(page))
  const [said, setSaid] = useState('')
  return (
    <WaitingList of="moderation" said={said} read={read} path="/moderation">
      {(item) => (
        <li key={item.id}>
          <CaseCard item={item} onDecided={setSaid} />
        </li>
      )}
    </WaitingList>
  )
}

function CaseCard({ item, onDecided }: { item: Case; onDecided: (words: string) => void }) {
  const { t } = useTexts()
  const language = useLanguage()
  const me = useMe()
  const { nano, edit, rating } = item
  if (!nano) return null
  const words = edit ?? rating?.words
  const scan = words ? { findings: words.findings ?? [] } : item.scan
  return (
    <Panel>
      <article className="grid gap-5 md:grid-cols-[14rem_minmax(0,1fr)]">
        <div className="self-start overflow-hidden rounded-lg">
          <Picture nano={nano} sizes="14rem" />
        </div>
        <div className="space-y-3">
          <div>
            <h2 className="text-lg font-semibold" lang={nano.language}>
              <Link to={`/nanos/${nano.id}`} className="hover:underline">
                {nano.title}
              </Link>
            </h2>
            <p className="text-sm text-muted">
              {t('nano.by', { name: nano.creator.name })} · {t(`moderation.cause.${item.cause}`)} ·{' '}
              {t('moderation.since', { date: dateTime(item.created_at, language) })}
            </p>
          </div>
          <Facts nano={nano} />
          <p lang={nano.language} className="whitespace-pre-line">
            {nano.description}
          </p>
          {edit && (
            <div>
              <h3 className="font-semibold">{t('moderation.edit')}</h3>
              <Words edit={edit} language={nano.language} />
            </div>
          )}
          {rating && (
            <div>
              <h3 className="font-semibold">{t(`moderation.cause.${item.cause}`)}</h3>
              <p className="whitespace-pre-line">{rating.words.text}</p>
            </div>
          )}
          {scan && scan.findings.length > 0 ? (
            <ScanFindings scan={scan} />
          ) : (
            <p className="text-muted">{t('moderation.noFindings')}</p>
          )}
          {item.version && <Files item={item} />}
          {nano.creator.id === me?.id ? (
            <Notice tone="info">{t('moderation.own')}</Notice>
          ) : (
            <Decision item={item} title={nano.title} onDecided={onDecided} />
          )}
        </div>
      </article>
    </Panel>
  )
}

function Files({ item: { nano, version } }: { item: Case }) {
  const { t } = useTexts()
  const language = useLanguage()
  const [open, setOpen] = useState(false)
  const { data, error } = useQuery({
    ...versionDetail(nano?.id ?? '', version?.number ?? 0),
    enabled: open && nano !== null && version !== null,
  })
  const download = useMutation({
    mutationFn: () => downloadLink(nano?.id ?? '', version?.number),
    // The answer names an attachment: the browser saves it and stays on this page.
    onSuccess: ({ url }) => location.assign(url),
  })
  return (
    <>
      <Button busy={download.isPending} onClick={() => download.mutate()}>
        <Icon name="download" />
        {version?.size ? t('nano.downloadSize', { size: bytes(version.size, language) }) : t('nano.download')}
      </Button>
      <p role="status" className={download.isSuccess ? 'text-sm text-muted' : 'sr-only'}>
        {download.isSuccess && t('nano.downloadStarted')}
      </p>
      {download.error && <FailureNotice error={download.error} />}
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="min-h-11 py-2 font-medium text-accent">{t('moderation.contents')}</summary>
        {error && <FailureNotice error={error} />}
        {data?.manifest && <Contents entries={data.manifest} />}
      </details>
    </>
  )
}

interface DecisionProps {
  item: Case
  title: string
  onDecided: (words: string) => void
}

function Decision({ item, title, onDecided }: DecisionProps) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const draft = useDraft<string>(`case.${item.id}`)
  const [reason, setReason] = useState(draft.kept?.values ?? '')
  const judge = useMutation({
    mutationFn: (decision: 'approve' | 'reject') => decide(item.id, decision, reason),
    onSuccess: async (_, decision) => {
      draft.drop()
      onDecided(t(decision === 'approve' ? 'moderation.approved' : 'moderation.rejected', { title }))
      await queries.invalidateQueries({ queryKey: ['cases'] })
    },
  })
  const failure = judge.error ? describe(judge.error) : undefined
  const wrong = failure?.fields.reason
  return (
    <div className="space-y-3 border-t border-line pt-4">
      <TextArea
        label={t('moderation.reason')}
        hint={t('moderation.reasonHint')}
        rows={2}
        maxLength={1000}
        required
        value={reason}
        onChange={(event) => {
          setReason(event.target.value)
          if (event.target.value === '') draft.drop()
          else draft.keep(event.target.value)
        }}
        error={wrong}
      />
      {failure && !wrong && <FailureNotice failure={failure} />}
      <div className="flex flex-wrap gap-3">
        <Button
          look="primary"
          busy={judge.isPending && judge.variables === 'approve'}
          onClick={() => judge.mutate('approve')}
        >
          {t('moderation.approve')}
        </Button>
        <Button
          look="danger"
          busy={judge.isPending && judge.variables === 'reject'}
          onClick={() => judge.mutate('reject')}
        >
          {t('moderation.reject')}
        </Button>
      </div>
    </div>
  )
}
