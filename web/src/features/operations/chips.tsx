import { useId, useState } from 'react'
import { serverNow } from '../../api/clock'
import { Button } from '../../parts/button'
import { Select, TextField } from '../../parts/field'
import { text } from '../../parts/form'
import { Icon } from '../../parts/icon'
import { STATES } from './actions'
import type { JobFilter, JobState } from './api'
import { FIELDS, NOTHING, narrowed, sound, type Field } from './filter'
import { KINDS } from './kinds'
import { Moment, short } from './kit'
import { useQueues } from './reads'
import { useTexts } from './texts'

/** What operators look for first. */
const USUAL: readonly (readonly ['failed' | 'running' | 'waiting', readonly JobState[]])[] = [
  ['failed', ['retryable', 'discarded', 'quarantined']],
  ['running', ['running']],
  ['waiting', ['available', 'scheduled', 'waiting', 'blocked']],
]

const HOURS = ['1', '24', '168'] as const

interface ChipsProps {
  filter: JobFilter
  onChange: (changed: Partial<JobFilter>) => void
}

/** What the list is narrowed to, each with a way to take it off, and a form for more. */
export function Chips({ filter, onChange }: ChipsProps) {
  const { t } = useTexts()
  const [open, setOpen] = useState(false)
  const panel = useId()
  return (
    <search className="block space-y-3">
      <div className="flex flex-wrap items-center gap-2">
        {filter.state.length > 0 && (
          <Chip label={t('chips.state')} onRemove={() => onChange({ state: [] })}>
            {filter.state.map((state) => t(`state.${state}`)).join(', ')}
          </Chip>
        )}
        {FIELDS.filter((field) => filter[field] !== '').map((field) => (
          <Chip key={field} label={t(`chips.${field}`)} onRemove={() => onChange({ [field]: '' })}>
            <Value field={field} value={filter[field]} />
          </Chip>
        ))}
        {filter.state.length === 0 &&
          USUAL.map(([name, state]) => (
            <Button key={name} small onClick={() => onChange({ state: [...state] })}>
              {t(`chips.${name}`)}
            </Button>
          ))}
        <Button small aria-expanded={open} aria-controls={panel} onClick={() => setOpen(!open)}>
          <Icon name="filter" className="size-4" />
          {t('chips.more')}
        </Button>
        {narrowed(filter) && (
          <Button look="quiet" small onClick={() => onChange(NOTHING)}>
            {t('chips.reset')}
          </Button>
        )}
      </div>
      <div id={panel} hidden={!open}>
        {open && (
          <Panel
            filter={filter}
            onApply={(changed) => {
              setOpen(false)
              onChange(changed)
            }}
          />
        )}
      </div>
    </search>
  )
}

function Value({ field, value }: { field: Field; value: string }) {
  const { t } = useTexts()
  if (field === 'since' || field === 'until') return <Moment time={value} />
  if (field === 'fingerprint') return <span className="font-mono text-xs">{value.slice(0, 8)}…</span>
  if (field === 'tenant') return value === 'system' ? t('jobs.system') : short(value)
  if (field === 'reference') {
    const [what = '', id = ''] = value.split(':')
    return `${what} ${short(id)}`
  }
  return value
}

interface ChipProps {
  label: string
  onRemove: () => void
  children: React.ReactNode
}

function Chip({ label, onRemove, children }: ChipProps) {
  const { t } = useTexts()
  return (
    <span className="inline-flex min-h-8 max-w-full items-center rounded-lg border border-line bg-surface pl-3 text-sm">
      <span className="min-w-0 py-1">
        <span className="text-muted">{label}:</span> <span className="font-semibold">{children}</span>
      </span>
      <button
        type="button"
        onClick={onRemove}
        className="grid size-8 shrink-0 place-items-center rounded-r-lg text-muted hover:text-bad"
      >
        <Icon name="cross" className="size-3.5" />
        <span className="sr-only">{t('chips.remove', { label })}</span>
      </button>
    </span>
  )
}

/** Everything that the list can be narrowed by; it applies when it is sent. */
function Panel({ filter, onApply }: { filter: JobFilter; onApply: (changed: Partial<JobFilter>) => void }) {
  const { t } = useTexts()
  const kinds = useId()
  const queues = useQueues().data?.queues ?? []
  const [wrong, setWrong] = useState<Partial<Record<Field, string>>>({})
  const submit = (values: FormData) => {
    const state = STATES.filter((state) => values.getAll('state').includes(state))
    const given = (field: Field) => text(values, field).trim()
    const typed = (['kind', 'queue', 'tenant', 'reference', 'fingerprint'] as const).map(
      (field) => [field, given(field)] as const,
    )
    const unsound = typed.filter(([field, value]) => value !== '' && !sound(field, value))
    setWrong(Object.fromEntries(unsound.map(([field]) => [field, t('chips.unsound')])))
    if (unsound.length > 0) return
    const hours = Number(given('since'))
    // What the list has by its address stays unless another time is chosen.
    const since = hours > 0 ? { since: new Date(serverNow() - hours * 3_600_000).toISOString() } : {}
    onApply({ state, ...Object.fromEntries(typed), ...since })
  }
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        submit(new FormData(event.currentTarget))
      }}
      className="space-y-4 rounded-xl border border-line bg-surface p-4"
    >
      <fieldset>
        <legend className="mb-1 font-medium">{t('chips.state')}</legend>
        <div className="flex flex-wrap gap-x-4">
          {STATES.map((state) => (
            <label key={state} className="flex min-h-9 items-center gap-2 text-sm">
              <input
                type="checkbox"
                name="state"
                value={state}
                defaultChecked={filter.state.includes(state)}
                className="size-4 accent-accent"
              />
              {t(`state.${state}`)}
            </label>
          ))}
        </div>
      </fieldset>
      <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
        <TextField
          label={t('chips.kind')}
          name="kind"
          list={kinds}
          defaultValue={filter.kind}
          autoComplete="off"
          error={wrong.kind}
        />
        <datalist id={kinds}>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {t(`kind.${kind}`)}
            </option>
          ))}
        </datalist>
        <Select
          label={t('chips.queue')}
          name="queue"
          defaultValue={filter.queue}
          options={[['', t('chips.any')], ...queues.map(({ name }) => [name, name] as const)]}
        />
        <Select
          label={t('chips.since')}
          name="since"
          defaultValue=""
          options={[
            ['', filter.since ? t('chips.asIs') : t('chips.any')],
            ...HOURS.map((hours) => [hours, t(`chips.hours.${hours}`)] as const),
          ]}
        />
        <TextField
          label={t('chips.tenant')}
          name="tenant"
          defaultValue={filter.tenant}
          autoComplete="off"
          hint={t('chips.tenantHint')}
          error={wrong.tenant}
        />
        <TextField
          label={t('chips.reference')}
          name="reference"
          defaultValue={filter.reference}
          autoComplete="off"
          hint={t('chips.referenceHint')}
          error={wrong.reference}
        />
        <TextField
          label={t('chips.fingerprint')}
          name="fingerprint"
          defaultValue={filter.fingerprint}
          autoComplete="off"
          hint={t('chips.fingerprintHint')}
          error={wrong.fingerprint}
        />
      </div>
      <Button type="submit" look="primary">
        {t('chips.apply')}
      </Button>
    </form>
  )
}
