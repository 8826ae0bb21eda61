import { useId, type ComponentProps, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

const CONTROL =
  'w-full rounded-lg border bg-surface px-3 py-2 text-base text-ink min-h-11 aria-invalid:border-bad border-edge'

interface FieldProps {
  label: string
  hint?: string
  /** Said after the label: "Titel: fehlt". */
  error?: string
  optional?: boolean
}

interface Described {
  id: string
  'aria-describedby'?: string
  'aria-invalid'?: true
}

function Field({
  label,
  hint,
  error,
  optional,
  control,
}: FieldProps & { control: (props: Described) => ReactNode }) {
  const { t } = useTranslation()
  const id = useId()
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ')
  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
        {optional && <span className="font-normal text-muted"> ({t('common.optional')})</span>}
      </label>
      {control({
        id,
        'aria-describedby': described || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-sm text-muted">
          {hint}
        </p>
      )}
      <FieldError id={`${id}-error`} label={label} error={error} />
    </div>
  )
}

export function FieldError({ id, label, error }: { id?: string; label: string; error?: string }) {
  if (!error) return null
  return (
    <p id={id} className="mt-1 text-sm font-medium text-bad">
      {label}: {error}
    </p>
  )
}

export function TextField({ label, hint, error, optional, ...input }: FieldProps & ComponentProps<'input'>) {
  return (
    <Field
      {...{ label, hint, error, optional }}
      control={(props) => <input className={CONTROL} {...input} {...props} />}
    />
  )
}

export function TextArea({ label, hint, error, optional, ...area }: FieldProps & ComponentProps<'textarea'>) {
  return (
    <Field
      {...{ label, hint, error, optional }}
      control={(props) => <textarea className={CONTROL} {...area} {...props} />}
    />
  )
}

interface SelectProps extends FieldProps, ComponentProps<'select'> {
  options: readonly (readonly [value: string, label: string])[]
}

export function Select({ label, hint, error, optional, options, ...select }: SelectProps) {
  return (
    <Field
      {...{ label, hint, error, optional }}
      control={(props) => (
        <select className={CONTROL} {...select} {...props}>
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    />
  )
}
