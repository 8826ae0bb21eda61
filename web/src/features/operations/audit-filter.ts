import { isJobId } from './filter'

/** Which rows of the audit log; what is empty says nothing. */
export interface AuditFilter {
  user_id: string
  action: string
  page: number
}

/** Whether a value can be the name of an action, such as `auth.login`. */
export const isAction = (text: string) => text.length <= 64 && /^[a-z0-9_]+(\.[a-z0-9_]+)*$/.test(text)

/** Ids of people and of jobs look the same. */
export const isPerson = isJobId

/** Which rows an address asks for; what it cannot mean counts as absent. */
export function readAudit(params: URLSearchParams): AuditFilter {
  const person = params.get('user_id') ?? ''
  const action = params.get('action') ?? ''
  return {
    user_id: isPerson(person) ? person : '',
    action: isAction(action) ? action : '',
    page: Math.max(1, Math.floor(Number(params.get('page'))) || 1),
  }
}

/** Where these rows are listed. */
export function auditAt({ page = 1, ...fields }: Partial<AuditFilter>): string {
  const told = Object.entries(fields).filter(([, value]) => value !== '')
  const query = new URLSearchParams(page > 1 ? [...told, ['page', String(page)]] : told).toString()
  return query ? `/operations/audit?${query}` : '/operations/audit'
}
