import type { Schemas } from '@nano/api-client'
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { Envelope } from '../../api/types'
import { api } from '../../session/session'

export type Chat = Schemas['Chat']
export type Message = Schemas['Message']
export type ReportCase = Schemas['ReportCase']
export type ReportReason = Schemas['NewReport']['reason']

export const REPORT_REASONS: readonly ReportReason[] = [
  'inappropriate',
  'spam',
  'copyright',
  'malware',
  'other',
]
/** What the API takes. */
export const LONGEST_MESSAGE = 1000
export const LONGEST_NOTE = 500
/** Messages that are read at once. */
export const PAGE = 50
const REPORTS_PER_PAGE = 20

/** Begins the keys of everything about chats. */
export const chatsKey = ['chats']

export const unread = queryOptions({
  queryKey: [...chatsKey, 'unread'],
  queryFn: async ({ signal }) =>
    (await api.get<Envelope<Schemas['Unread']>>('/chats/unread', { signal, quiet: true })).data.data,
  refetchInterval: 60_000,
})

/** One's chats, those in which was written last first. */
export const chatPages = infiniteQueryOptions({
  queryKey: [...chatsKey, 'list'],
  queryFn: async ({ signal, pageParam }) => {
    const params = { cursor: pageParam, limit: 20 }
    return (await api.get<Envelope<Chat[]>>('/chats', { params, signal })).data
  },
  initialPageParam: '',
  getNextPageParam: ({ meta }) => meta?.next_cursor ?? undefined,
  refetchInterval: 30_000,
})

export const getChat = async (id: string, signal?: AbortSignal) =>
  (await api.get<Envelope<Chat>>(`/chats/${id}`, { signal })).data.data

export interface Place {
  after?: number
  before?: number
}

/** In their order: those behind a number, those before one, or the last ones. */
export const getMessages = async (id: string, place: Place = {}, signal?: AbortSignal) => {
  const params = { ...place, limit: PAGE }
  return (await api.get<Envelope<Message[]>>(`/chats/${id}/messages`, { params, signal })).data.data
}

/** A chat and its last messages, as they are when its page is opened; what happens from then on is told otherwise. */
export const opened = (id: string) =>
  queryOptions({
    queryKey: [...chatsKey, id],
    queryFn: async ({ signal }) => {
      const [chat, messages] = await Promise.all([getChat(id, signal), getMessages(id, {}, signal)])
      return { chat, messages }
    },
    staleTime: Infinity,
    gcTime: 0,
  })

/** `key`: of this one chat, however often it is begun because the answer was lost. */
export const beginChat = async (nano: string, key: string) => {
  const headers = { 'Idempotency-Key': key }
  return (await api.post<Envelope<Chat>>('/chats', { nano_id: nano }, { headers })).data.data
}

export const sendMessage = async (id: string, text: string, key: string) => {
  const headers = { 'Idempotency-Key': key }
  return (await api.post<Envelope<Message>>(`/chats/${id}/messages`, { text }, { headers })).data.data
}

export const markRead = async (id: string, seq: number) =>
  (await api.put<Envelope<Schemas['Mark']>>(`/chats/${id}/read`, { seq }, { quiet: true })).data.data

export const reportMessage = (id: string, seq: number, reason: string, note: string, key: string) =>
  api.post(
    `/chats/${id}/messages/${seq}/report`,
    { reason, note: note || undefined },
    { headers: { 'Idempotency-Key': key } },
  )

export const reportsKey = ['chat-reports']

/** Reports that wait for a decision, oldest first. */
export const reportPage = (page: number) =>
  queryOptions({
    queryKey: [...reportsKey, page],
    queryFn: async ({ signal }) => {
      const params = { page, limit: REPORTS_PER_PAGE }
      return (await api.get<Envelope<ReportCase[]>>('/admin/chats/reports', { params, signal })).data
    },
    placeholderData: keepPreviousData,
  })

export type ReportDecision = Schemas['ReportJudgement']['decision']

export const decideReport = (id: string, decision: ReportDecision, reason: string) =>
  api.post(`/admin/chats/reports/${id}/decision`, { decision, reason })

export const closeChat = (id: string, reason: string) => api.post(`/admin/chats/${id}/close`, { reason })
