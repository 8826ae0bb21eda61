import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { DialogButton } from '../../parts/dialog'
import { useFocusAfter } from '../../parts/focus'
import { FailureNotice, Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { inside } from '../../session/next'
import { useSession } from '../../session/store'
import {
  disableSecondFactor,
  renewRecoveryCodes,
  secondFactor,
  sessions,
  type SecondFactorState,
} from './api'
import { Guarded } from './guarded'
import { RecoveryCodes } from './recovery-codes'
import { SetUp } from './set-up'
import { useTexts } from './texts'

/** From here on somebody should get new recovery codes. */
const FEW = 3

type Step =
  { name: 'overview'; done?: string } | { name: 'set-up' } | { name: 'codes'; codes: string[]; said: string }

/** The second factor: the authenticator app, and the recovery codes. Passkeys beside it count as well. */
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
  const on = factor !== undefined && (Boolean(factor.enabled_at) || factor.passkeys > 0)
  // It was switched on elsewhere: the other pages are open again.
  useEffect(() => {
    if (on) useSession.setState({ lacksSecondFactor: false })
  }, [on])
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
            {factor.required && !on && (
              <Notice tone="warn" urgent={lacking}>
                {lacking ? t('factor.requiredText') : t('factor.requiredKept')}
              </Notice>
            )}
            <p>{on ? t('factor.byPasskeys', { count: factor.passkeys }) : t('factor.explained')}</p>
            <Button look={on ? 'secondary' : 'primary'} onClick={() => setStep({ name: 'set-up' })}>
              {t('factor.setUp')}
            </Button>
          </>
        )}
        {factor && on && (
          <On
            state={factor}
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
            (on ? (
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
  state: SecondFactorState
  onRenewed: (codes: string[]) => void
  onDisabled: () => void
}

function On({ state, onRenewed, onDisabled }: OnProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const { enabled_at: since, recovery_codes_left: codesLeft } = state
  const alone = state.passkeys === 0
  return (
    <>
      <p>
        {since && `${t('factor.onSince', { date: date(since, language) })} · `}
        {t('factor.codesLeft', { count: codesLeft })}
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
        {since && (
          <DialogButton action={t('factor.disable')} title={t('factor.disableTitle')} look="danger">
            <Guarded
              text={t(alone ? 'factor.disableText' : 'factor.disableBesidePasskeys')}
              warning={alone && state.required ? t('factor.requiredKept') : undefined}
              action={t('factor.disable')}
              danger
              act={disableSecondFactor}
              onDone={onDisabled}
            />
          </DialogButton>
        )}
      </div>
    </>
  )
}
