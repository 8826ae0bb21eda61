import type { Schemas } from '@nano/api-client'
import { queryOptions } from '@tanstack/react-query'
import type { Envelope } from '../../api/types'
import { api } from '../../session/session'

/* Apart from the account's other requests: the banner on every page asks this. */

export type Consent = Schemas['ConsentState']

export const consents = queryOptions({
  queryKey: ['consents'],
  queryFn: async ({ signal }) =>
    (await api.get<Envelope<Consent[]>>('/users/me/consents', { signal })).data.data,
})
export const giveConsent = (subject: Consent['subject'], version: string) =>
  api.put(`/users/me/consents/${subject}`, { version })
export const withdrawConsent = (subject: Consent['subject']) => api.delete(`/users/me/consents/${subject}`)
