import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { TextField } from './field'

interface PasswordProps {
  /** By default just "password". */
  label?: string
  name?: string
  autoComplete: 'current-password' | 'new-password'
  hint?: string
  error?: string
}

export function Password({ label, name = 'password', ...props }: PasswordProps) {
  const { t } = useTranslation()
  const [shown, setShown] = useState(false)
  return (
    <div className="space-y-2">
      <TextField
        label={label ?? t('auth.password')}
        name={name}
        type={shown ? 'text' : 'password'}
        autoCapitalize="none"
        spellCheck={false}
        required
        {...props}
      />
      <label className="flex min-h-8 items-center gap-2 text-sm">
        <input
          type="checkbox"
          checked={shown}
          onChange={(event) => setShown(event.target.checked)}
          className="size-4 accent-accent"
        />
        {t('auth.showPassword')}
      </label>
    </div>
  )
}
