import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { date, dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { DialogButton, useClose } from '../../parts/dialog'
import { useFocusAfter } from '../../parts/focus'
import { Form, Submit, text } from '../../parts/form'
import { FailureNotice, Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { inside } from '../../session/next'
import { useSession } from '../../session/store'
import { passkeys, removePasskey, renamePasskey, secondFactor, sessions, type Passkey } from './api'
import { Guarded } from './guarded'
import { NewPasskey, PasskeyName } from './new-passkey'
import { knowsPasskeys } from './passkey'
import { RecoveryCodes } from './recovery-codes'
import { useTexts } from './texts'

type Step =
  | { name: 'overview'; done?: string }
  | { name: 'adding' }
  /** The first second factor comes with recovery codes. */
  | { name: 'codes'; codes: string[]; said: string }

/** Passkeys: adding, naming and removing one's own. */
export function Passkeys() {
  const { t } = useTexts()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [params] = useSearchParams()
  const next = params.get('next')
  const { data: own, error, refetch } = useQuery(passkeys)
  const [step, setStep] = useState<Step>({ name: 'overview' })
  const frame = useFocusAfter<HTMLDivElement>(step)
  const refresh = () =>
    Promise.all([
      queries.invalidateQueries(passkeys),
      queries.invalidateQueries(secondFactor),
      queries.invalidateQueries(sessions),
    ])
  const after = async (done: string) => {
    await refresh()
    setStep({ name: 'overview', done })
  }
  return (
    <Panel title={t('passkeys.title')}>
      <div ref={frame} tabIndex={-1} className="space-y-5 outline-none">
        {step.name === 'adding' && (
          <NewPasskey
            onAdded={({ passkey, recovery_codes: codes }) => {
              useSession.setState({ lacksSecondFactor: false })
              const said = t('passkeys.added', { name: passkey.name })
              if (!codes) return void after(said)
              setStep({ name: 'codes', codes, said: `${said} ${t('passkeys.othersEnded')}` })
              void refresh()
            }}
            onCancel={() => setStep({ name: 'overview' })}
          />
        )}
        {step.name === 'codes' && (
          <RecoveryCodes
            codes={step.codes}
            said={step.said}
            onKept={() => {
              setStep({ name: 'overview' })
              if (next) void navigate(inside(next))
            }}
          />
        )}
        {step.name === 'overview' && (
          <>
            <div role="status">{step.done && <Notice tone="good">{step.done}</Notice>}</div>
            <p>{t('passkeys.explained')}</p>
            {error && !own && <FailureNotice error={error} retry={() => void refetch()} />}
            {own && own.length > 0 && (
              <ul className="divide-y divide-line border-y border-line">
                {own.map((passkey) => (
                  <Row key={passkey.id} passkey={passkey} last={own.length === 1} onChanged={after} />
                ))}
              </ul>
            )}
            {knowsPasskeys() ? (
              <Button look="primary" onClick={() => setStep({ name: 'adding' })}>
                {t('passkeys.add')}
              </Button>
            ) : (
              <p className="text-muted">{t('passkeys.unknown')}</p>
            )}
          </>
        )}
      </div>
    </Panel>
  )
}

interface RowProps {
  passkey: Passkey
  /** There is no other. */
  last: boolean
  onChanged: (said: string) => Promise<void>
}

function Row({ passkey, last, onChanged }: RowProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const { id, name, last_used_at: used } = passkey
  const { data: factor } = useQuery(secondFactor)
  const guards = last && !factor?.enabled_at
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-3">
      <div className="min-w-0">
        <p className="font-medium break-words">{name}</p>
        <p className="text-sm text-muted">
          {t('passkeys.created', { date: date(passkey.created_at, language) })},{' '}
          {used ? t('passkeys.used', { date: dateTime(used, language) }) : t('passkeys.unused')}
        </p>
      </div>
      <div className="flex flex-wrap gap-3">
        <DialogButton action={t('passkeys.rename')} about={name} title={t('passkeys.renameTitle')}>
          <Rename passkey={passkey} onRenamed={(name) => onChanged(t('passkeys.renamed', { name }))} />
        </DialogButton>
        <DialogButton
          action={t('passkeys.remove')}
          about={name}
          title={t('passkeys.removeTitle', { name })}
          look="danger"
        >
          <Guarded
            text={t('passkeys.removeText')}
            warning={guards ? t(factor?.required ? 'factor.requiredKept' : 'passkeys.removeLast') : undefined}
            action={t('passkeys.remove')}
            danger
            act={(proof) => removePasskey(id, proof)}
            onDone={() => void onChanged(t('passkeys.removed', { name }))}
          />
        </DialogButton>
      </div>
    </li>
  )
}

function Rename({ passkey, onRenamed }: { passkey: Passkey; onRenamed: (name: string) => Promise<void> }) {
  const { t } = useTexts()
  const close = useClose()
  const rename = useMutation({
    mutationFn: async (values: FormData) => {
      const { name } = await renamePasskey(passkey.id, text(values, 'name').trim())
      await onRenamed(name)
    },
    onSuccess: close,
  })
  return (
    <Form onSubmit={(values) => rename.mutate(values)} error={rename.error} focus>
      <PasskeyName start={passkey.name} error={rename.error} />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('translation:common.cancel')}</Button>
        <Submit busy={rename.isPending}>{t('translation:common.save')}</Submit>
      </div>
    </Form>
  )
}
