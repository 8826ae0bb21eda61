import { create } from 'zustand'
import type { Me } from '../api/types'

interface Session {
  /** `restoring`: there was a session in this browser; whether it still is one is being asked. */
  phase: 'restoring' | 'anonymous' | 'signed-in'
  me: Me | undefined
  /** It ended while the person was here: they may sign in again over the page that they are on. */
  ended: boolean
  /** The API serves this person nothing but their account until they have a second factor. */
  lacksSecondFactor: boolean
}

export const useSession = create<Session>(() => ({
  phase: 'anonymous',
  me: undefined,
  ended: false,
  lacksSecondFactor: false,
}))

export type Permission =
  | 'nanos:create'
  | 'nanos:read_all'
  | 'moderation:decide'
  | 'jobs:read'
  | 'jobs:operate'
  | 'users:manage'
  | 'audit:read'
  | 'chats:close'

/** Who may go somewhere: signed-in people, or those with a right. */
export type Access = 'session' | Permission

/** The signed-in person, if any. */
export const useMe = () => useSession((session) => session.me)

/** Whether the signed-in person has a right. */
export const useRight = (permission: Permission) =>
  useSession((session) => session.me?.permissions.includes(permission) ?? false)
