import type { Schemas } from '@nano/api-client'
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { Envelope } from '../../api/types'
import { api } from '../../session/session'

export type Rating = Schemas['Rating']
export type Ratings = Schemas['Ratings']

export const SORTS = ['newest', 'helpful', 'best', 'worst'] as const
export type Sort = (typeof SORTS)[number]

export const BEST = 5
export const LONGEST = 500
const PER_PAGE = 10

/** Begins the keys of all that is known of a nano's ratings. */
export const ratingsKey = (nano: string) => ['nano', nano, 'ratings']

export const ratingPage = (nano: string, sort: Sort, page: number) =>
  queryOptions({
    queryKey: [...ratingsKey(nano), sort, page],
    queryFn: async () => {
      const params = { sort, page, limit: PER_PAGE }
      return (await api.get<Envelope<Ratings>>(`/nanos/${nano}/ratings`, { params })).data
    },
    placeholderData: keepPreviousData,
  })

const rated = async (answer: Promise<{ data: Envelope<Rating> }>) => (await answer).data.data

/** `key`: of this one rating, however often the form is sent because its answer was lost. */
export const rate = (nano: string, score: number, comment: string, key: string) =>
  rated(
    api.post<Envelope<Rating>>(
      `/nanos/${nano}/ratings`,
      { score, comment },
      { headers: { 'Idempotency-Key': key } },
    ),
  )

/** Refused when it was edited elsewhere since `revision` was read. */
export const editRating = (id: string, revision: number, score: number, comment: string) =>
  rated(
    api.patch<Envelope<Rating>>(
      `/ratings/${id}`,
      { score, comment },
      { headers: { 'If-Match': `"${revision}"` } },
    ),
  )

/** One's own; a moderator removes that of somebody else, and says why. */
export const removeRating = (id: string, reason?: string) =>
  api.delete(`/ratings/${id}`, { params: { reason } })

/** Empty: none any more. */
export const reply = (id: string, text: string) =>
  rated(api.put<Envelope<Rating>>(`/ratings/${id}/reply`, { text }))

export const findHelpful = (id: string, helpful: boolean) =>
  helpful ? api.put(`/ratings/${id}/helpful`) : api.delete(`/ratings/${id}/helpful`)
