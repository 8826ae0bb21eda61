import type { IconName } from '../parts/icon'
import type { Permission } from '../session/store'

export interface Place {
  to: string
  title: 'nav.discover' | 'nav.studio' | 'nav.moderation' | 'nav.users'
  icon: IconName
  /** Who has it finds the place in the navigation; without one everybody does. */
  right?: Permission
}

/** Where the navigation leads. */
export const PLACES: readonly Place[] = [
  { to: '/', title: 'nav.discover', icon: 'search' },
  { to: '/studio', title: 'nav.studio', icon: 'upload', right: 'nanos:create' },
  { to: '/moderation', title: 'nav.moderation', icon: 'check', right: 'moderation:decide' },
  { to: '/operations/users', title: 'nav.users', icon: 'person', right: 'users:manage' },
]
