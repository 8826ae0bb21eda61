import { Frame } from './frame'
import { SecondFactor } from './second-factor'
import { Sessions } from './sessions'

/** What guards an account: its second factor, and where it is signed in. */
export function Component() {
  return (
    <Frame section="security">
      <SecondFactor />
      <Sessions />
    </Frame>
  )
}
