import { createContext, use, useEffect, useRef, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { describe, type Failure } from '../api/failure'
import { span } from '../format'
import { useLanguage } from '../i18n/setup'
import { Button } from './button'
import { FailureNotice, Notice } from './notice'
import { useSecondsUntil } from './seconds-until'

/** Seconds until the form may be sent again. */
const Wait = createContext(0)

interface FormProps {
  /** Gets the fields by name. */
  onSubmit: (values: FormData) => void
  /** Why the last attempt did not work. The API checks; fields show what it said. */
  error: unknown
  /** What that means here, where it is not what the API says. */
  failure?: Failure
  /** It takes the place of what had the focus: its first field gets it. */
  focus?: boolean
  children: ReactNode
}

export function Form({ onSubmit, error, failure: told, focus = false, children }: FormProps) {
  const { t } = useTranslation()
  const ref = useRef<HTMLFormElement>(null)
  const failure = error ? (told ?? describe(error)) : undefined
  const wrong = Object.keys(failure?.fields ?? {}).length > 0
  const seconds = useSecondsUntil(failure?.retryAt)
  useEffect(() => {
    if (focus) ref.current?.querySelector<HTMLElement>('input:not([hidden]), select, textarea')?.focus()
  }, [focus])
  useEffect(() => {
    if (error) ref.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus()
  }, [error])
  return (
    <form
      ref={ref}
      noValidate
      className="space-y-5"
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit(new FormData(event.currentTarget))
      }}
    >
      {wrong && <Notice tone="bad">{t('common.fixFields')}</Notice>}
      {failure && !wrong && <FailureNotice failure={failure} />}
      <Wait value={seconds}>{children}</Wait>
    </form>
  )
}

interface SubmitProps {
  busy: boolean
  wide?: boolean
  danger?: boolean
  children: ReactNode
}

/** Sends the form. While the API asks to wait it says for how long. */
export function Submit({ busy, wide, danger, children }: SubmitProps) {
  const language = useLanguage()
  const seconds = use(Wait)
  return (
    <Button
      type="submit"
      look={danger ? 'danger' : 'primary'}
      busy={busy}
      blocked={seconds > 0}
      className={wide ? 'w-full' : ''}
    >
      {children}
      {seconds > 0 && (
        <span aria-hidden="true" className="font-normal tabular-nums">
          ({span(seconds * 1000, language)})
        </span>
      )}
    </Button>
  )
}

/** A text field's value as it was typed. */
export function text(values: FormData, name: string): string {
  const value = values.get(name)
  return typeof value === 'string' ? value : ''
}
