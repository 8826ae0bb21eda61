import type { Envelope } from '../../api/types'
import { guest } from '../../session/session'
import { showPasskey, type Challenge } from './passkey'

/** Has the person answer a new challenge with a passkey. */
export async function passkeyAnswer() {
  const { data } = await guest.post<Envelope<Challenge>>('/auth/passkeys/challenge')
  return showPasskey(data.data)
}
