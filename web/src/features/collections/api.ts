import type { Schemas } from '@nano/api-client'
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { PER_PAGE } from '../../api/nanos'
import type { Envelope } from '../../api/types'
import { api } from '../../session/session'

export type Kept = Schemas['Kept']
export type SavedList = Schemas['SavedList']
export type SavedListDetail = Schemas['SavedListDetail']
export type SharedList = Schemas['SharedList']
export type ShareLink = Schemas['ShareLink']

export const LONGEST_NAME = 100
export const LONGEST_DESCRIPTION = 500

export const favouritesKey = ['favourites']

export const favourites = (page: number) =>
  queryOptions({
    queryKey: [...favouritesKey, page],
    queryFn: async () =>
      (await api.get<Envelope<Kept[]>>('/users/me/favorites', { params: { page, limit: PER_PAGE } })).data,
    placeholderData: keepPreviousData,
  })

export const setFavourite = (nano: string, is: boolean) =>
  is ? api.put(`/favorites/${nano}`) : api.delete(`/favorites/${nano}`)

export const lists = queryOptions({
  queryKey: ['lists'],
  queryFn: async () => (await api.get<Envelope<SavedList[]>>('/users/me/lists')).data.data,
})

export const list = (id: string) =>
  queryOptions({
    queryKey: ['list', id],
    queryFn: async () => (await api.get<Envelope<SavedListDetail>>(`/lists/${id}`)).data.data,
  })

export const sharedList = (secret: string) =>
  queryOptions({
    queryKey: ['shared-list', secret],
    queryFn: async () => (await api.get<Envelope<SharedList>>(`/shared-lists/${secret}`)).data.data,
  })

/** `key`: of this one list, however often the form is sent because its answer was lost. */
export const makeList = async (name: string, description: string, key: string) => {
  const headers = { 'Idempotency-Key': key }
  return (await api.post<Envelope<SavedList>>('/lists', { name, description }, { headers })).data.data
}

const ifUnchanged = (revision: number) => ({ headers: { 'If-Match': `"${revision}"` } })

/** Refused when the list was changed elsewhere since `revision` was read. */
export const editList = async (id: string, revision: number, name: string, description: string) => {
  const form = { name, description }
  return (await api.patch<Envelope<SavedListDetail>>(`/lists/${id}`, form, ifUnchanged(revision))).data.data
}

/** What is to be on the list, in its order; refused like an edit. */
export const arrange = async (id: string, revision: number, nanos: string[]) => {
  const path = `/lists/${id}/nanos`
  const form = { nano_ids: nanos }
  return (await api.put<Envelope<SavedListDetail>>(path, form, ifUnchanged(revision))).data.data
}

export const removeList = (id: string) => api.delete(`/lists/${id}`)

export const putOnList = (id: string, nano: string) => api.put(`/lists/${id}/nanos/${nano}`)

export const takeOffList = (id: string, nano: string) => api.delete(`/lists/${id}/nanos/${nano}`)

export const shareList = async (id: string) =>
  (await api.put<Envelope<ShareLink>>(`/lists/${id}/share`)).data.data

export const unshareList = (id: string) => api.delete(`/lists/${id}/share`)
