import { STATES } from './actions'
import type { JobFilter, JobState } from './api'

export const NOTHING: JobFilter = {
  state: [],
  kind: '',
  queue: '',
  tenant: '',
  reference: '',
  fingerprint: '',
  since: '',
  until: '',
}

const ID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const SHAPES = {
  kind: /^[a-z0-9_]{1,48}$/,
  queue: /^[a-z0-9_-]{1,48}$/,
  tenant: new RegExp(`^(system|${ID})$`),
  reference: new RegExp(`^(nano|version|upload|user):${ID}$`),
  fingerprint: /^[0-9a-f]{32}$/,
  since: /^\d{4}-\d\d-\d\dT/,
  until: /^\d{4}-\d\d-\d\dT/,
} as const

export type Field = keyof typeof SHAPES
export const FIELDS = Object.keys(SHAPES) as Field[]

/** Whether a value can mean something to the API. */
export const sound = (field: Field, value: string) =>
  SHAPES[field].test(value) && (!SHAPES[field].source.endsWith('T') || !Number.isNaN(Date.parse(value)))

export const isJobId = (text: string) => new RegExp(`^${ID}$`).test(text)

/** Which jobs an address asks for; what it cannot mean counts as absent. */
export function readFilter(params: URLSearchParams): JobFilter {
  const named = params
    .getAll('state')
    .flatMap((text) => text.split(','))
    .filter((text): text is JobState => (STATES as readonly string[]).includes(text))
  const filter = { ...NOTHING, state: STATES.filter((state) => named.includes(state)) }
  for (const field of FIELDS) {
    const value = params.get(field) ?? ''
    if (sound(field, value)) filter[field] = value
  }
  return filter
}

/** The other way round, without what says nothing. */
export function writeFilter({ state, ...fields }: Partial<JobFilter>): string {
  const told = Object.entries(fields).filter(([, value]) => value !== '')
  // Commas stay readable: they mean nothing else in a query.
  return [
    ...(state && state.length > 0 ? [`state=${state.join(',')}`] : []),
    ...told.map(([name, value]) => new URLSearchParams([[name, value]]).toString()),
  ].join('&')
}

/** Where the jobs of a filter are listed. */
export function jobsAt(filter: Partial<JobFilter>): string {
  const query = writeFilter(filter)
  return query ? `/operations/jobs?${query}` : '/operations/jobs'
}

export const narrowed = (filter: JobFilter) => writeFilter(filter) !== ''
