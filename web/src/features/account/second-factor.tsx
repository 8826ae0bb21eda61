import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { DialogButton, useClose } from '../../parts/dialog'
import { Form, Submit } from '../../parts/form'
import { useFocusAfter } from '../../parts/focus'
import { FailureNotice, Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { inside } from '../../session/next'
import { useSession } from '../../session/store'
import { disableSecondFactor, renewRecoveryCodes, secondFactor, sessions, type Proof } from './api'
import { ProofFields, useProven } from './proof'
import { RecoveryCodes } from './recovery-codes'
import { SetUp } from './set-up'
import { useTexts } from './texts'

/** From here on somebody should get new recovery codes. */
const FEW = 3

type Step =
  { name: 'overview'; done?: string } | { name: 'set-up' } | { name: 'codes'; codes: string[]; said: string }

/** The second factor: switching it on and off, and its recovery codes. */
export function SecondFactor() {
  const { t } = useTexts()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [params] = useSearchParams()
  const next = params.get('next')
  const { data: factor, error, refetch } = useQuery(secondFactor)
  const lacking = useSession((session) => session.lacksSecondFactor)
  const [step, setStep] = useState<Step>({ name: 'overview' })
  const frame = useFocusAfter<HTMLDivElement>(step)
  // It was switched on elsewhere: the other pages are open again.
  useEffect(() => {
    if (factor?.enabled_at) useSession.setState({ lacksSecondFactor: false })
  }, [factor?.enabled_at])
  const show = (codes: string[], said: string) => {
    setStep({ name: 'codes', codes, said })
    void queries.invalidateQueries(secondFactor)
    void queries.invalidateQueries(sessions)
  }
  let content: ReactNode
  if (step.name === 'set-up') {
    content = (
      <SetUp
        onDone={(codes) => {
          useSession.setState({ lacksSecondFactor: false })
          show(codes, t('factor.enabled'))
        }}
        onCancel={() => {
          setStep({ name: 'overview' })
          void queries.invalidateQueries(secondFactor)
        }}
      />
    )
  } else if (step.name === 'codes') {
    content = (
      <RecoveryCodes
        codes={step.codes}
        said={step.said}
        onKept={() => {
          setStep({ name: 'overview' })
          if (next) void navigate(inside(next))
        }}
      />
    )
  } else {
    content = (
      <>
        <div role="status">{step.done && <Notice tone="good">{step.done}</Notice>}</div>
        {error && !factor && <FailureNotice error={error} retry={() => void refetch()} />}
        {factor && !factor.enabled_at && (
          <>
            {factor.required && (
              <Notice tone="warn" urgent={lacking}>
                {lacking ? t('factor.requiredText') : t('factor.requiredKept')}
              </Notice>
            )}
            <p>{t('factor.explained')}</p>
            <Button look="primary" onClick={() => setStep({ name: 'set-up' })}>
              {t('factor.setUp')}
            </Button>
          </>
        )}
        {factor?.enabled_at && (
          <On
            since={factor.enabled_at}
            codesLeft={factor.recovery_codes_left}
            required={factor.required}
            onRenewed={(codes) => show(codes, t('factor.renewed'))}
            onDisabled={() => {
              setStep({ name: 'overview', done: t('factor.disabled') })
              void queries.invalidateQueries(secondFactor)
            }}
          />
        )}
      </>
    )
  }
  return (
    <Panel
      title={
        <span className="flex flex-wrap items-center gap-3">
          {t('factor.title')}
          {factor &&
            (factor.enabled_at ? (
              <Badge tone="good">{t('factor.on')}</Badge>
            ) : (
              <Badge tone={factor.required ? 'warn' : 'plain'}>{t('factor.off')}</Badge>
            ))}
        </span>
      }
    >
      <div ref={frame} tabIndex={-1} className="space-y-5 outline-none">
        {content}
      </div>
    </Panel>
  )
}

interface OnProps {
  since: string
  codesLeft: number
  required: boolean
  onRenewed: (codes: string[]) => void
  onDisabled: () => void
}

function On({ since, codesLeft, required, onRenewed, onDisabled }: OnProps) {
  const { t } = useTexts()
  const language = useLanguage()
  return (
    <>
      <p>
        {t('factor.onSince', { date: date(since, language) })} · {t('factor.codesLeft', { count: codesLeft })}
      </p>
      {codesLeft <= FEW && <Notice tone="warn">{t('factor.fewLeft')}</Notice>}
      <div className="flex flex-wrap gap-3">
        <DialogButton action={t('factor.renew')} title={t('factor.renewTitle')}>
          <Guarded
            text={t('factor.renewText')}
            action={t('factor.renewButton')}
            act={renewRecoveryCodes}
            onDone={onRenewed}
          />
        </DialogButton>
        <DialogButton action={t('factor.disable')} title={t('factor.disableTitle')} look="danger">
          <Guarded
            text={t('factor.disableText')}
            warning={required ? t('factor.requiredKept') : undefined}
            action={t('factor.disable')}
            danger
            act={disableSecondFactor}
            onDone={onDisabled}
          />
        </DialogButton>
      </div>
    </>
  )
}

interface GuardedProps<T> {
  text: string
  warning?: string
  action: string
  danger?: boolean
  act: (proof: Proof) => Promise<T>
  onDone: (result: T) => void
}

/** Something that needs password and code. */
function Guarded<T>({ text, warning, action, danger, act, onDone }: GuardedProps<T>) {
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
