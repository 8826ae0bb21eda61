import type { Permission } from '../../session/store'

/** The pages of operations in their order. Seeing them takes the right to see jobs, or the one that is named. */
export const SECTIONS = [
  ['overview', '/operations'],
  ['jobs', '/operations/jobs'],
  ['errors', '/operations/errors'],
  ['quarantine', '/operations/quarantine'],
  ['queues', '/operations/queues'],
  ['workers', '/operations/workers'],
  ['schedules', '/operations/schedules'],
  ['bulk', '/operations/bulk'],
  ['mails', '/operations/mails'],
  ['maintenance', '/operations/maintenance'],
  ['audit', '/operations/audit', 'audit:read'],
  ['users', '/operations/users', 'users:manage'],
] as const satisfies readonly (readonly [string, string, Permission?])[]

export type Section = (typeof SECTIONS)[number][0]
