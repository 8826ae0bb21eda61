import { create } from 'zustand'
import type { Me } from '../api/types'

interface Session {
  /** `restoring`: there was a session in this browser; whether it still is one is being asked. */
  phase: 'restoring' | 'anonymous' | 'signed-in'
  me: Me | undefined
  /** The API serves this person nothing but their account until they have a second factor. */
  lacksSecondFactor: boolean
}

export const useSession = create<Session>(() => ({
  phase: 'anonymous',
  me: undefined,
  lacksSecondFactor: false,
}))

export type Permission = 'nanos:create' | 'moderation:decide' | 'users:manage'

/** The signed-in person, if any. */
export const useMe = () => useSession((session) => session.me)

/** Whether the signed-in person has a right. */
export const useRight = (permission: Permission) =>
  useSession((session) => session.me?.permissions.includes(permission) ?? false)
