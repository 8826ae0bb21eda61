import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { Confirm } from '../../parts/confirm'
import { useFocusAfter } from '../../parts/focus'
import { FailureNotice, Notice } from '../../parts/notice'
import { Empty, Panel } from '../../parts/page'
import { inside } from '../../session/next'
import { consents, giveConsent, withdrawConsent, type Consent } from './api'
import { Frame } from './frame'
import { useTexts } from './texts'

/** What one has agreed to, and what there is to agree to. */
export function Component() {
  const { t } = useTexts()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [params] = useSearchParams()
  const next = params.get('next')
  const { data, error, refetch } = useQuery(consents)
  const [said, setSaid] = useState('')
  const status = useFocusAfter<HTMLDivElement>(said)
  const inForce = data?.flatMap((consent) =>
    consent.version ? [{ ...consent, version: consent.version }] : [],
  )
  const after = async (words: string) => {
    await queries.invalidateQueries(consents)
    setSaid(words)
    const missing = queries.getQueryData(consents.queryKey)?.some((one) => one.required && !one.given)
    if (next && !missing) void navigate(inside(next))
  }
  return (
    <Frame section="agreements">
      <p>{t('agreements.lead')}</p>
      <div ref={status} tabIndex={-1} role="status" className="outline-none">
        {said && <Notice tone="good">{said}</Notice>}
      </div>
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {inForce?.length === 0 && <Empty title={t('agreements.none')} text={t('agreements.noneText')} />}
      {inForce?.map((consent) => (
        <Agreement key={consent.subject} consent={consent} onChanged={after} />
      ))}
    </Frame>
  )
}

interface AgreementProps {
  consent: Consent & { version: string }
  onChanged: (said: string) => Promise<void>
}

function Agreement({ consent, onChanged }: AgreementProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const { subject, version, url, required, given, agreements } = consent
  const title = t(`agreements.subject.${subject}`)
  const holds = agreements.find((one) => one.version === version && !one.withdrawn_at)
  const changed = !given && agreements.some((one) => one.version !== version)
  const agree = useMutation({
    mutationFn: async () => {
      await giveConsent(subject, version)
      await onChanged(t('agreements.agreed', { title }))
    },
  })
  return (
    <Panel
      title={
        <span className="flex flex-wrap items-center gap-3">
          {title}
          {given && <Badge tone="good">{t('agreements.given')}</Badge>}
          {!given && <Badge tone={required ? 'warn' : 'plain'}>{t('agreements.open')}</Badge>}
        </span>
      }
    >
      <div className="space-y-4">
        <p>{t(`agreements.about.${subject}`)}</p>
        {changed && <Notice tone="info">{t('agreements.changed')}</Notice>}
        <p className="text-muted">
          {t('agreements.version', { version })}
          {holds && ` · ${t('agreements.since', { date: date(holds.given_at, language) })}`}
        </p>
        {url && (
          <p>
            <a href={url} target="_blank" rel="noreferrer" className="text-accent underline">
              {t('agreements.read', { title })}
            </a>
          </p>
        )}
        {agree.error && <FailureNotice error={agree.error} />}
        {given ? (
          <Confirm
            action={t('agreements.withdraw')}
            about={title}
            text={t(required ? 'agreements.withdrawRequired' : 'agreements.withdrawText')}
            danger
            wide={false}
            onConfirm={async () => {
              await withdrawConsent(subject)
              await onChanged(t('agreements.withdrawn', { title }))
            }}
          />
        ) : (
          <Button look="primary" busy={agree.isPending} onClick={() => agree.mutate()}>
            {t('agreements.agree')}
            <span className="sr-only"> ({title})</span>
          </Button>
        )}
      </div>
    </Panel>
  )
}
