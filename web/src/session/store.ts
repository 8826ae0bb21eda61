import { create } from 'zustand'
import type { Me } from '../api/types'

interface Session {
  /** `restoring`: there was a session in this browser; whether it still is one is being asked. */
  phase: 'restoring' | 'anonymous' | 'signed-in'
  me: Me | undefined
}

export const useSession = create<Session>(() => ({ phase: 'anonymous', me: undefined }))

export type Permission = 'nanos:create' | 'moderation:decide'

/** The signed-in person, if any. */
export const useMe = () => useSession((session) => session.me)

/** Whether the signed-in person has a right. */
export const useRight = (permission: Permission) =>
  useSession((session) => session.me?.permissions.includes(permission) ?? false)
