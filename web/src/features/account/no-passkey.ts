import type { Failure } from '../../api/failure'
import { NoPasskey } from './passkey'
import { useTexts } from './texts'

/** What to say where the browser has made or found no passkey; undefined where something else went wrong. */
export function useNoPasskey() {
  const { t } = useTexts()
  return (error: unknown): Failure | undefined =>
    error instanceof NoPasskey
      ? { code: 'NO_PASSKEY', message: t(`passkeys.none.${error.reason}`), fields: {} }
      : undefined
}
