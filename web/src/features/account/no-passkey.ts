import type { Failure } from '../../api/failure'
import { useEntryTexts } from './entry-texts'
import { NoPasskey } from './passkey'

/** What to say where the browser has made or found no passkey; undefined where something else went wrong. */
export function useNoPasskey() {
  const { t } = useEntryTexts()
  return (error: unknown): Failure | undefined =>
    error instanceof NoPasskey
      ? { code: 'NO_PASSKEY', message: t(`noPasskey.${error.reason}`), fields: {} }
      : undefined
}
