import { Select, TextField } from '../../parts/field'
import { text } from '../../parts/form'
import { pause, resume, type Pausable } from './api'
import { isKind, KINDS } from './kinds'
import { Act, Reasoned } from './kit'
import { useTexts } from './texts'

const ENDS = ['', '900', '3600', '14400', '86400', '604800'] as const

interface PauseProps {
  what: Pausable
  /** Its name, where several buttons say the same. */
  about?: string
  paused: boolean
  why?: string
  onDone: (words: string) => void
}

/** Pauses something for a reason and perhaps for a time, or lets it go on. */
export function PauseButton({ what, about, paused, why, onDone }: PauseProps) {
  const { t } = useTexts()
  const name = what.scope === 'all' ? '' : what.name
  const scope = what.scope
  if (paused) {
    return (
      <Act
        action={t('pause.resume')}
        about={about}
        title={t(`pause.resumeTitle.${scope}`, { name })}
        why={why}
      >
        <Reasoned
          action={t('pause.resume')}
          explanation={t('pause.resumeText')}
          send={(_, reason) => resume(what, reason)}
          onDone={() => onDone(t(`pause.resumed.${scope}`, { name }))}
        />
      </Act>
    )
  }
  return (
    <Act
      action={what.scope === 'all' ? t('pause.all') : t('pause.action')}
      about={about}
      title={t(`pause.title.${scope}`, { name })}
      look={scope === 'all' ? 'danger' : 'secondary'}
      why={why}
    >
      <Reasoned
        action={t('pause.action')}
        danger={scope === 'all'}
        explanation={t(`pause.text.${scope}`)}
        send={(values, reason) => pause(what, reason, Number(text(values, 'end')) || undefined)}
        onDone={() => onDone(t(`pause.done.${scope}`, { name }))}
      >
        {(fields) => <End error={fields.expires_in_seconds} />}
      </Reasoned>
    </Act>
  )
}

function End({ error }: { error?: string }) {
  const { t } = useTexts()
  return (
    <Select
      label={t('pause.end')}
      name="end"
      defaultValue="3600"
      options={ENDS.map((seconds) => [seconds, t(`pause.ends.${seconds || 'never'}`)] as const)}
      error={error}
    />
  )
}

/** Pauses a kind, which is named in the dialog. */
export function PauseKind({ onDone }: { onDone: (words: string) => void }) {
  const { t } = useTexts()
  return (
    <Act action={t('pause.kind')} title={t('pause.kind')}>
      <Reasoned
        action={t('pause.action')}
        explanation={t('pause.text.kind')}
        send={async (values, reason) => {
          const name = text(values, 'kind').trim()
          await pause({ scope: 'kind', name }, reason, Number(text(values, 'end')) || undefined)
          return name
        }}
        onDone={(name) => onDone(t('pause.done.kind', { name }))}
      >
        {(fields) => (
          <>
            <KindField error={fields.kind} />
            <End error={fields.expires_in_seconds} />
          </>
        )}
      </Reasoned>
    </Act>
  )
}

/** One of the kinds that have a name. */
export function KindField({ error }: { error?: string }) {
  const { t } = useTexts()
  return (
    <Select
      label={t('chips.kind')}
      name="kind"
      options={KINDS.map((kind) => [kind, `${kind} (${t(`kind.${kind}`)})`] as const)}
      error={error}
    />
  )
}

export interface NumberFieldProps {
  label: string
  name: string
  value?: number | null
  hint?: string
  error?: string
}

export function NumberField({ label, name, value, hint, error }: NumberFieldProps) {
  return (
    <TextField
      label={label}
      name={name}
      type="number"
      inputMode="numeric"
      min={1}
      defaultValue={value ?? ''}
      optional
      hint={hint}
      error={error}
    />
  )
}

/** A kind in words, where it has a name. */
export function useKindName() {
  const { t } = useTexts()
  return (kind: string) => (isKind(kind) ? t(`kind.${kind}`) : kind)
}
