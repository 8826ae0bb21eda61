import { ROLES, STATUSES, type UserFilter } from './api'

const known = (values: readonly string[], value: string | null) =>
  value && values.includes(value) ? value : ''

/** Which accounts an address asks for; what it cannot mean counts as absent. */
export function readFilter(params: URLSearchParams): UserFilter {
  return {
    q: params.get('q') ?? '',
    role: known(ROLES, params.get('role')),
    status: known(STATUSES, params.get('status')),
    page: Math.max(1, Math.floor(Number(params.get('page'))) || 1),
  }
}

/** The other way round, without what says nothing. */
export function writeFilter({ page, ...filter }: UserFilter): URLSearchParams {
  const told = Object.entries(filter).filter(([, value]) => value !== '')
  return new URLSearchParams(page > 1 ? [...told, ['page', String(page)]] : told)
}
