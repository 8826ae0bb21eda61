import type { IconName } from '../parts/icon'
import type { Access } from '../session/store'

export interface Place {
  to: string
  title: 'nav.discover' | 'nav.kept' | 'nav.studio' | 'nav.moderation' | 'nav.operations'
  icon: IconName
  /** Who finds the place in the navigation; without it everybody does. */
  access?: Access
}

/** Tables of operators take all the room there is. */
export const usesAllWidth = (pathname: string) => /^\/operations(\/|$)/.test(pathname)

/** Where the navigation leads. */
export const PLACES: readonly Place[] = [
  { to: '/', title: 'nav.discover', icon: 'search' },
  { to: '/favourites', title: 'nav.kept', icon: 'heart', access: 'session' },
  { to: '/studio', title: 'nav.studio', icon: 'upload', access: 'nanos:create' },
  { to: '/moderation', title: 'nav.moderation', icon: 'check', access: 'moderation:decide' },
  { to: '/operations', title: 'nav.operations', icon: 'pulse', access: 'jobs:read' },
]
