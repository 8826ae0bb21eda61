import type { Schemas } from '@nano/api-client'
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { Envelope } from '../../api/types'
import { api } from '../../session/session'

export type User = Schemas['UserRow']
export type Role = User['role']
export type UserStatus = User['status']

export const ROLES: readonly Role[] = ['consumer', 'creator', 'moderator', 'operator', 'admin']
export const STATUSES: readonly UserStatus[] = ['active', 'inactive', 'suspended', 'deleted']

const PER_PAGE = 25

export interface UserFilter {
  q: string
  role: string
  status: string
  page: number
}

export const userPage = (filter: UserFilter) =>
  queryOptions({
    queryKey: ['users', 'list', filter],
    queryFn: async ({ signal }) => {
      // Empty parameters count as absent.
      const params = { ...filter, limit: PER_PAGE }
      return (await api.get<Envelope<User[]>>('/admin/users', { params, signal })).data
    },
    placeholderData: keepPreviousData,
  })

export const user = (id: string) =>
  queryOptions({
    queryKey: ['users', id],
    queryFn: async () => (await api.get<Envelope<User>>(`/admin/users/${id}`)).data.data,
  })

const changed = async (answer: Promise<{ data: Envelope<User> }>) => (await answer).data.data

export const setRole = (id: string, role: Role, reason: string) =>
  changed(api.put<Envelope<User>>(`/admin/users/${id}/role`, { role, reason }))

export type Act = 'suspend' | 'unsuspend' | 'end-sessions' | 'remove-second-factor'

export const act = (id: string, act: Act, reason: string) =>
  changed(api.post<Envelope<User>>(`/admin/users/${id}/${act}`, { reason }))
