import { useMutation } from '@tanstack/react-query'
import { Button } from '../../parts/button'
import { FailureNotice } from '../../parts/notice'
import { passkeyAnswer } from './ask-passkey'
import { useNoPasskey } from './no-passkey'
import type { PasskeyAnswer } from './passkey'

export interface ByPasskeyProps {
  label: string
  signIn: (passkey: PasskeyAnswer) => Promise<void>
  onDone?: () => void
}

/** Signing in with a passkey; see `PasskeyButton`. */
export function ByPasskey({ label, signIn, onDone }: ByPasskeyProps) {
  const noPasskey = useNoPasskey()
  const login = useMutation({
    mutationFn: async () => signIn(await passkeyAnswer()),
    onSuccess: onDone,
  })
  return (
    <div className="space-y-4">
      {login.error && <FailureNotice error={login.error} failure={noPasskey(login.error)} />}
      <Button className="w-full" busy={login.isPending} onClick={() => login.mutate()}>
        {label}
      </Button>
    </div>
  )
}
