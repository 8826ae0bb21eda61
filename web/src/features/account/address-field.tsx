import { TextField } from '../../parts/field'
import { useTexts } from './texts'

interface AddressFieldProps {
  defaultValue?: string
  error?: string
}

/** The e-mail address that somebody signs in with. */
export function AddressField(props: AddressFieldProps) {
  const { t } = useTexts()
  return (
    <TextField
      label={t('fields.email')}
      name="email"
      type="email"
      autoComplete="username"
      required
      {...props}
    />
  )
}
