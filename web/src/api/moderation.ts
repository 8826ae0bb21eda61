import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api } from '../session/session'
import { PER_PAGE } from './nanos'
import type { Case, Envelope } from './types'

export const moderationQueue = (page: number) =>
  queryOptions({
    queryKey: ['cases', page],
    queryFn: async ({ signal }) => {
      const params = { page, limit: PER_PAGE }
      return (await api.get<Envelope<Case[]>>('/admin/moderation/queue', { params, signal })).data
    },
    placeholderData: keepPreviousData,
  })

export function decide(caseId: string, decision: 'approve' | 'reject', reason: string) {
  return api.post(`/admin/moderation/${caseId}/decision`, { decision, reason })
}
