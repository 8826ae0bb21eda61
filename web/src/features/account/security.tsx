import { Frame } from './frame'
import { Passkeys } from './passkeys'
import { SecondFactor } from './second-factor'
import { Sessions } from './sessions'

/** What guards an account: its second factor and passkeys, and where it is signed in. */
export function Component() {
  return (
    <Frame section="security">
      <SecondFactor />
      <Passkeys />
      <Sessions />
    </Frame>
  )
}
