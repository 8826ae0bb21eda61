import type { Schemas } from '@nano/api-client'
import { queryOptions } from '@tanstack/react-query'
import { isGone } from '../../api/failure'
import type { Envelope } from '../../api/types'
import { api } from '../../session/session'
import type { Proof } from './api'

/* What people ask about their own data: requests of the page for it. */

export type DataExport = Schemas['DataExport']
export type Deletion = Schemas['Deletion']

/** A copy that is being made is looked for this often. */
const LOOK_MS = 5000

async function orNothing<T>(answer: Promise<{ data: Envelope<T> }>): Promise<T | null> {
  try {
    return (await answer).data.data
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}

export const isBeingMade = (copy: DataExport | null | undefined) =>
  copy?.state === 'waiting' || copy?.state === 'running'

export const dataExport = queryOptions({
  queryKey: ['data-export'],
  queryFn: ({ signal }) => orNothing(api.get<Envelope<DataExport>>('/me/data-export', { signal })),
  refetchInterval: ({ state }) => isBeingMade(state.data) && LOOK_MS,
})
export const askForExport = () => api.post('/me/data-export')
export const exportLink = async () =>
  (await api.get<Envelope<Schemas['ExportLink']>>('/me/data-export/download')).data.data.url

export const deletion = queryOptions({
  queryKey: ['deletion'],
  queryFn: ({ signal }) => orNothing(api.get<Envelope<Deletion>>('/me/deletion', { signal })),
})
export const endAccount = (proof: Proof) => api.delete('/me', undefined, proof)
export const keepAccount = () => api.delete('/me/deletion')
