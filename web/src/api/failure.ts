import axios from 'axios'

/** A request that did not work, as a person is told about it. */
export interface Failure {
  /** The API's code; `OFFLINE` when no answer came, `UNKNOWN` when it was not the API's. */
  code: string
  /** A sentence in the person's language; empty when the API said none. */
  message: string
  /** What is wrong with each field, by the field's name; said after the field's label. */
  fields: Record<string, string>
  requestId?: string
  /** What a second factor may be, where one is asked for. */
  methods?: string[]
  /** When the same may be tried again, by this machine's clock in ms. */
  retryAt?: number
}

interface ErrorBody {
  error?: {
    code?: string
    message?: string
    details?: {
      fields?: { field: string; message: string }[]
      request_id?: string
      methods?: string[]
      retry_after_seconds?: number
    }
  }
}

/** When each answer was first looked at. */
const heardAt = new WeakMap<object, number>()

function retryAt(error: object, seconds: number | undefined): number | undefined {
  if (seconds === undefined) return undefined
  const heard = heardAt.get(error) ?? Date.now()
  heardAt.set(error, heard)
  return heard + seconds * 1000
}

export function describe(error: unknown): Failure {
  if (!axios.isAxiosError<ErrorBody>(error)) return { code: 'UNKNOWN', message: '', fields: {} }
  if (!error.response) return { code: 'OFFLINE', message: '', fields: {} }
  const told = error.response.data?.error
  // An answer without our envelope comes from something in between that could not reach the API.
  if (!told?.code) {
    return { code: error.response.status >= 500 ? 'OFFLINE' : 'UNKNOWN', message: '', fields: {} }
  }
  const fields: Record<string, string> = {}
  for (const { field, message } of told.details?.fields ?? []) fields[field] ??= message
  return {
    code: told.code,
    message: told.message ?? '',
    fields,
    requestId: told.details?.request_id,
    methods: told.details?.methods,
    retryAt: retryAt(error, told.details?.retry_after_seconds),
  }
}

/** The same, with a code that is about one field said there; without words of its own, in the API's. */
export function describeAt(error: unknown, at: Record<string, { field: string; words?: string }>): Failure {
  const failure = describe(error)
  const place = at[failure.code]
  if (!place) return failure
  return { ...failure, fields: { ...failure.fields, [place.field]: place.words ?? failure.message } }
}

/** Whether the same request may work a moment later. */
export function isPassing(error: unknown): boolean {
  if (!axios.isAxiosError(error) || axios.isCancel(error)) return false
  const status = error.response?.status
  return status === undefined || status >= 500
}
