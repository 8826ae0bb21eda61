import { queryOptions } from '@tanstack/react-query'
import { api } from '../session/session'
import type { Envelope, Maintenance } from './types'

const EVERY = 30_000

/** Whether changes are refused just now; asked for again while somebody looks. */
export const maintenance = queryOptions({
  queryKey: ['maintenance'],
  queryFn: async ({ signal }) => (await api.get<Envelope<Maintenance>>('/maintenance', { signal })).data.data,
  refetchInterval: EVERY,
  staleTime: EVERY,
})
