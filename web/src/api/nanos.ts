import { queryOptions, keepPreviousData } from '@tanstack/react-query'
import { api } from '../session/session'
import { names } from './catalogue-filter'
import { noteServerTime } from './clock'
import type {
  Category,
  DownloadLink,
  Envelope,
  Meta,
  Nano,
  NanoDetail,
  NanoForm,
  SearchAnswer,
  Version,
  VersionDetail,
} from './types'

export const PER_PAGE = 24

export interface CatalogueFilter {
  q: string
  category: string
  level: string
  language: string
  /** At most so many. */
  minutes: string
  page: number
}

/** One page of the catalogue, found by words or listed. */
export interface CataloguePage {
  nanos: Found[]
  meta: Meta
  corrected: boolean
}

export type Found = Nano & Pick<SearchAnswer['hits'][number], 'highlights'>

async function read<T>(path: string, params?: object, signal?: AbortSignal): Promise<Envelope<T>> {
  const answer = await api.get<Envelope<T>>(path, { params, signal })
  noteServerTime(answer.data.timestamp)
  return answer.data
}

async function catalogue(
  { q, minutes, ...filter }: CatalogueFilter,
  signal: AbortSignal,
): Promise<CataloguePage> {
  if (q && !names(q)) return { nanos: [], meta: { total: 0, page: 1 }, corrected: false }
  // Empty parameters count as absent.
  const params = { ...filter, duration_max: minutes, limit: PER_PAGE }
  if (q) {
    const { data, meta } = await read<SearchAnswer>('/search', { q, ...params }, signal)
    return { nanos: data.hits, meta: meta ?? {}, corrected: data.corrected }
  }
  const { data, meta } = await read<Nano[]>('/nanos', params, signal)
  return { nanos: data, meta: meta ?? {}, corrected: false }
}

export const cataloguePage = (filter: CatalogueFilter) =>
  queryOptions({
    queryKey: ['catalogue', filter],
    queryFn: ({ signal }) => catalogue(filter, signal),
    placeholderData: keepPreviousData,
  })

export const categories = queryOptions({
  queryKey: ['categories'],
  queryFn: async ({ signal }) => (await read<Category[]>('/categories', undefined, signal)).data,
  staleTime: 10 * 60_000,
})

export const nanoDetail = (id: string) =>
  queryOptions({
    queryKey: ['nano', id],
    queryFn: async ({ signal }) => (await read<NanoDetail>(`/nanos/${id}`, undefined, signal)).data,
  })

/** The version that everybody gets, with its manifest; null while nothing is published. */
export const publishedVersion = (id: string) =>
  queryOptions({
    queryKey: ['nano', id, 'published'],
    queryFn: async ({ signal }) => {
      const { data: versions } = await read<Version[]>(`/nanos/${id}/versions`, undefined, signal)
      const live = versions.find((version) => version.state === 'published')
      if (!live) return null
      return (await read<VersionDetail>(`/nanos/${id}/versions/${live.number}`, undefined, signal)).data
    },
  })

export const versionDetail = (id: string, number: number) =>
  queryOptions({
    queryKey: ['nano', id, 'version', number],
    queryFn: async ({ signal }) =>
      (await read<VersionDetail>(`/nanos/${id}/versions/${number}`, undefined, signal)).data,
  })

export const myNanos = (page: number) =>
  queryOptions({
    queryKey: ['mine', page],
    queryFn: ({ signal }) => read<Nano[]>('/nanos/mine', { page, limit: PER_PAGE }, signal),
    placeholderData: keepPreviousData,
  })

/** `key`: of this one nano, however often the form is sent because its answer was lost. */
export async function createNano(form: NanoForm, key: string): Promise<Nano> {
  const headers = { 'Idempotency-Key': key }
  return (await api.post<Envelope<Nano>>('/nanos', form, { headers })).data.data
}

/** Refused when somebody has edited the nano since `revision` was read. */
export async function editNano(id: string, revision: number, form: NanoForm): Promise<Nano> {
  const headers = { 'If-Match': `"${revision}"` }
  return (await api.patch<Envelope<Nano>>(`/nanos/${id}`, form, { headers })).data.data
}

/** Archives what was public, deletes what was not. */
export const removeNano = (id: string) => api.delete(`/nanos/${id}`)
export const withdrawNano = (id: string) => api.post(`/nanos/${id}/withdraw`)
export const restoreNano = (id: string) => api.post(`/nanos/${id}/restore`)

/** Of the published version, or of one that waits for review, for those whom that concerns. */
export async function downloadLink(id: string, version?: number): Promise<DownloadLink> {
  return (await read<DownloadLink>(`/nanos/${id}/download`, { redirect: false, version })).data
}
