import { useMutation } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { describe, describeAt } from '../../api/failure'
import { Button } from '../../parts/button'
import { Copy } from '../../parts/copy'
import { Form, Submit } from '../../parts/form'
import { Notice } from '../../parts/notice'
import { enableSecondFactor, setUpSecondFactor, type AuthenticatorSecret } from './api'
import { CodeField, readCode } from './code-field'
import { ProofFields, useProven } from './proof'
import { useTexts } from './texts'

// Only here is anything drawn as a QR code.
const QrCode = lazy(() => import('./qr-code'))

interface SetUpProps {
  /** Gets the recovery codes. */
  onDone: (codes: string[]) => void
  onCancel: () => void
}

/** Setting up an authenticator app: who it is, then the secret and a code of the app. */
export function SetUp({ onDone, onCancel }: SetUpProps) {
  const [secret, setSecret] = useState<AuthenticatorSecret>()
  if (!secret) return <AskProof onSecret={setSecret} onCancel={onCancel} />
  return (
    <AskCode secret={secret} onDone={onDone} onCancel={onCancel} onStartAgain={() => setSecret(undefined)} />
  )
}

interface AskProofProps {
  onSecret: (secret: AuthenticatorSecret) => void
  onCancel: () => void
}

function AskProof({ onSecret, onCancel }: AskProofProps) {
  const { t } = useTexts()
  const { send, busy, error, failure } = useProven((_, proof) => setUpSecondFactor(proof), onSecret)
  return (
    <Form onSubmit={send} error={error} failure={failure} focus>
      <p>{t('factor.stepPassword')}</p>
      <ProofFields failure={failure} />
      <div className="flex flex-wrap gap-3">
        <Submit busy={busy}>{t('factor.next')}</Submit>
        <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
      </div>
    </Form>
  )
}

interface AskCodeProps {
  secret: AuthenticatorSecret
  onDone: (codes: string[]) => void
  onCancel: () => void
  onStartAgain: () => void
}

function AskCode({ secret, onDone, onCancel, onStartAgain }: AskCodeProps) {
  const { t } = useTexts()
  const enable = useMutation({
    mutationFn: (values: FormData) => enableSecondFactor(readCode(values) ?? ''),
    onSuccess: onDone,
  })
  const failure = enable.error
    ? describeAt(enable.error, { SECOND_FACTOR_INVALID: { field: 'code', words: t('proof.codeWrong') } })
    : undefined
  if (enable.error && describe(enable.error).code === 'SECOND_FACTOR_STATE') {
    return (
      <Notice tone="warn" urgent>
        <p>{t('factor.expired')}</p>
        <p className="flex flex-wrap gap-3 pt-2">
          <Button onClick={onStartAgain}>{t('factor.startAgain')}</Button>
          <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
        </p>
      </Notice>
    )
  }
  return (
    <Form onSubmit={(values) => enable.mutate(values)} error={enable.error} failure={failure} focus>
      <p>{t('factor.scan')}</p>
      <div className="grid gap-5 sm:grid-cols-[auto_minmax(0,1fr)] sm:items-center">
        <div className="size-52">
          <Suspense>
            <QrCode text={secret.uri} label={t('factor.qrCode')} />
          </Suspense>
        </div>
        <div className="space-y-3">
          <p>{t('factor.byHand')}</p>
          <p className="font-mono text-sm break-words select-all">
            {secret.secret.match(/.{1,4}/g)?.join(' ')}
          </p>
          <div className="flex flex-wrap items-center gap-3">
            <Copy text={secret.secret} label={t('factor.copySecret')} />
          </div>
          <p>
            <a href={secret.uri} className="text-accent underline">
              {t('factor.openApp')}
            </a>
          </p>
        </div>
      </div>
      <CodeField
        label={t('factor.confirm')}
        hint={t('factor.confirmHint')}
        error={failure?.fields.code}
        digits
      />
      <div className="flex flex-wrap gap-3">
        <Submit busy={enable.isPending}>{t('factor.enable')}</Submit>
        <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
      </div>
    </Form>
  )
}
