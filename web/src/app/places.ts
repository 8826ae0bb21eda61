import type { IconName } from '../parts/icon'
import type { Access } from '../session/store'

export interface Place {
  to: string
  title: 'nav.discover' | 'nav.kept' | 'nav.studio' | 'nav.moderation' | 'nav.users'
  icon: IconName
  /** Who finds the place in the navigation; without it everybody does. */
  access?: Access
}

/** Where the navigation leads. */
export const PLACES: readonly Place[] = [
  { to: '/', title: 'nav.discover', icon: 'search' },
  { to: '/favourites', title: 'nav.kept', icon: 'heart', access: 'session' },
  { to: '/studio', title: 'nav.studio', icon: 'upload', access: 'nanos:create' },
  { to: '/moderation', title: 'nav.moderation', icon: 'check', access: 'moderation:decide' },
  { to: '/operations/users', title: 'nav.users', icon: 'person', access: 'users:manage' },
]
