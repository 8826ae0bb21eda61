import { part } from '../../app/part'
import type { ByPasskeyProps } from './by-passkey'
import { knowsPasskeys } from './knows-passkeys'

// Whoever signs in by password does not wait for it.
const ByPasskey = part<ByPasskeyProps>(async () => (await import('./by-passkey')).ByPasskey)

/** Signing in with a passkey, where the browser knows them. */
export function PasskeyButton(props: ByPasskeyProps) {
  if (!knowsPasskeys()) return null
  return (
    // As high as a button, so that nothing moves when it comes.
    <div className="mt-6 min-h-11">
      <ByPasskey {...props} />
    </div>
  )
}
