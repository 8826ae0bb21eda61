import { language } from '../i18n/language'
import { RequestError } from './request-error'

/** A request that did not work, as a person is told about it. */
export interface Failure {
  /** The API's code; `OFFLINE` when no answer came, `UNKNOWN` when it was not the API's. */
  code: string
  /** A sentence in the person's language; empty when the API said none. */
  message: string
  /** What is wrong with each field, by the field's name; said after the field's label. Empty: just that it is wrong. */
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

/** `spoken`: the language that the page is in now. What was said in another one is left out. */
export function describe(error: unknown, spoken: string = language()): Failure {
  if (!(error instanceof RequestError)) return { code: 'UNKNOWN', message: '', fields: {} }
  if (error.status === undefined) return { code: 'OFFLINE', message: '', fields: {} }
  const told = (error.body as ErrorBody | undefined)?.error
  // An answer without our envelope comes from something in between that could not reach the API.
  if (!told?.code) {
    return { code: error.status >= 500 ? 'OFFLINE' : 'UNKNOWN', message: '', fields: {} }
  }
  const fields: Record<string, string> = {}
  const readable = error.language === spoken
  for (const { field, message } of told.details?.fields ?? []) fields[field] ??= readable ? message : ''
  return {
    code: told.code,
    message: readable ? (told.message ?? '') : '',
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

/** Whether no answer came at all. */
export const isUnanswered = (error: unknown) => error instanceof RequestError && error.status === undefined

/** Whether the same request may work a moment later. */
export function isPassing(error: unknown): boolean {
  return error instanceof RequestError && (error.status === undefined || error.status >= 500)
}

/** Whether the server is away as a whole, as opposed to one thing that it cannot do. */
export function isAway(error: unknown): boolean {
  if (!isPassing(error)) return false
  const { code } = describe(error)
  return code === 'OFFLINE' || code === 'UNAVAILABLE' || code === 'TOO_MANY_CONNECTIONS'
}

/** Whether there is no such thing, or none that this person may see. */
export const isGone = (error: unknown) => error instanceof RequestError && error.status === 404
