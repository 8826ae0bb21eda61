import { TextField } from '../../parts/field'
import { text } from '../../parts/form'

interface CodeFieldProps {
  label: string
  hint?: string
  error?: string
  /** Six digits only: no recovery code is asked for. */
  digits?: boolean
  /** Something else may be shown instead. */
  optional?: boolean
}

/** For a code of the second factor. Spaces and dashes are for reading; the API ignores them. */
export function CodeField({ digits, ...props }: CodeFieldProps) {
  return (
    <TextField
      name="code"
      autoComplete="one-time-code"
      // Recovery codes have letters.
      inputMode={digits ? 'numeric' : 'text'}
      autoCapitalize="none"
      autoCorrect="off"
      spellCheck={false}
      required={!props.optional}
      {...props}
    />
  )
}

/** What was typed there; undefined where nothing was, or nothing was asked. */
export const readCode = (values: FormData): string | undefined => text(values, 'code').trim() || undefined
