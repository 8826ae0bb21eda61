import { useState } from 'react'
import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { Select, TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { makeToken, type MadeToken, type Scope } from './api'
import { ProofFields, useProven } from './proof'
import { useTexts } from './texts'

const SCOPES: readonly Scope[] = ['read', 'write', 'upload', 'jobs']
const DAYS = [7, 30, 90, 180, 365]
const USUAL_DAYS = 90

interface NewTokenProps {
  onMade: (token: MadeToken) => void
  onCancel: () => void
}

export function NewToken({ onMade, onCancel }: NewTokenProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const [now] = useState(() => Date.now())
  const { send, busy, error, failure } = useProven((values, proof) => {
    const scopes = SCOPES.filter((scope) => values.getAll('scopes').includes(scope))
    const expires_in_days = Number(text(values, 'expires_in_days'))
    return makeToken({ name: text(values, 'name'), scopes, expires_in_days }, proof)
  }, onMade)
  const fields = failure?.fields ?? {}
  const until = (days: number) => date(new Date(now + days * 86_400_000).toISOString(), language)
  return (
    <Form onSubmit={send} error={error} failure={failure} focus>
      <TextField
        label={t('tokens.name')}
        name="name"
        required
        maxLength={100}
        autoComplete="off"
        hint={t('tokens.nameHint')}
        error={fields.name}
      />
      <Scopes wrong={fields.scopes !== undefined} />
      <Select
        label={t('tokens.expiry')}
        name="expires_in_days"
        defaultValue={USUAL_DAYS}
        options={DAYS.map(
          (days) => [String(days), t('tokens.days', { count: days, date: until(days) })] as const,
        )}
        error={fields.expires_in_days}
      />
      <ProofFields failure={failure} />
      <div className="flex flex-wrap gap-3">
        <Submit busy={busy}>{t('tokens.button')}</Submit>
        <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
      </div>
    </Form>
  )
}

function Scopes({ wrong }: { wrong: boolean }) {
  const { t } = useTexts()
  return (
    <fieldset aria-describedby={wrong ? 'scopes-error' : undefined}>
      <legend className="mb-1 font-medium">{t('tokens.scopes')}</legend>
      {SCOPES.map((scope, place) => (
        <label key={scope} className="flex min-h-11 items-center gap-3 py-1">
          <input
            type="checkbox"
            name="scopes"
            value={scope}
            defaultChecked={scope === 'read'}
            aria-invalid={(wrong && place === 0) || undefined}
            className="size-5 shrink-0 accent-accent"
          />
          {t(`tokens.scope.${scope}`)} – {t(`tokens.scopeText.${scope}`)}
        </label>
      ))}
      {wrong && (
        <p id="scopes-error" className="mt-1 text-sm font-medium text-bad">
          {t('tokens.scopesMissing')}
        </p>
      )}
    </fieldset>
  )
}
