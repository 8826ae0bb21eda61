import { useEffect, useRef, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { describe } from '../api/failure'
import { FailureNotice, Notice } from './notice'

interface FormProps {
  /** Gets the fields by name. */
  onSubmit: (values: FormData) => void
  /** Why the last attempt did not work. The API checks; fields show what it said. */
  error: unknown
  children: ReactNode
}

export function Form({ onSubmit, error, children }: FormProps) {
  const { t } = useTranslation()
  const ref = useRef<HTMLFormElement>(null)
  const failure = error ? describe(error) : undefined
  const wrong = Object.keys(failure?.fields ?? {}).length > 0
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
      {children}
    </form>
  )
}

/** A text field's value as it was typed. */
export function text(values: FormData, name: string): string {
  const value = values.get(name)
  return typeof value === 'string' ? value : ''
}
