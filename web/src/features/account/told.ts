import type { Schemas } from '@nano/api-client'
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { Envelope } from '../../api/types'
import { api } from '../../session/session'

/* What somebody is told of: requests of the page for it. */

export type Notification = Schemas['Notification']
export type Preference = Schemas['NotificationPreference']
export type SavedSearch = Schemas['SavedSearch']

export const LONGEST_NAME = 100
export const LONGEST_QUERY = 200

const notificationsKey = ['notifications']

/** `cursor`: from the page before; empty for the newest. */
export const notifications = (cursor: string) =>
  queryOptions({
    queryKey: [...notificationsKey, cursor],
    queryFn: async ({ signal }) => {
      const params = { cursor: cursor || undefined }
      return (await api.get<Envelope<Schemas['Notifications']>>('/me/notifications', { params, signal })).data
    },
    placeholderData: keepPreviousData,
  })
export const allNotifications = { queryKey: notificationsKey }
export const readNotification = (id: string) => api.put(`/me/notifications/${id}/read`)
export const readUpTo = (id: string) => api.put('/me/notifications/read', { up_to: id })

export const preferences = queryOptions({
  queryKey: ['notification-preferences'],
  queryFn: async ({ signal }) =>
    (await api.get<Envelope<Preference[]>>('/me/notification-preferences', { signal })).data.data,
})
export const prefer = (kind: Preference['kind'], change: Schemas['EditPreference']) =>
  api.patch(`/me/notification-preferences/${kind}`, change)

export const savedSearches = queryOptions({
  queryKey: ['saved-searches'],
  queryFn: async ({ signal }) =>
    (await api.get<Envelope<SavedSearch[]>>('/me/saved-searches', { signal })).data.data,
})
/** `key`: of this one search, however often the form is sent because its answer was lost. */
export const saveSearch = (name: string, q: string, key: string) =>
  api.post('/me/saved-searches', { name, search: { q } }, { headers: { 'Idempotency-Key': key } })
export const setAlerts = (id: string, alerts: boolean) => api.patch(`/me/saved-searches/${id}`, { alerts })
export const removeSearch = (id: string) => api.delete(`/me/saved-searches/${id}`)
