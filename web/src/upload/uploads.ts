import { create } from 'zustand'
import { describe, type Failure } from '../api/failure'
import type { Envelope, FinishedUpload, Format, Report, Upload } from '../api/types'
import { api } from '../session/session'
import { examine, refuses } from './check'
import { counting } from './counting'
import { Rate } from './rate'

/** A file on its way to a nano. It goes on when the person looks at another page. */
export interface Transfer {
  name: string
  total: number
  sent: number
  /** Milliseconds to the last byte, once that can be told. */
  remainingMs?: number
  /** `refused`: the check in this browser found what the server would refuse; nothing was sent. */
  phase: 'checking' | 'refused' | 'sending' | 'finishing' | 'failed' | 'done'
  /** Bytes that were checked before the first one is sent. */
  checked: number
  /** What the check in this browser has found so far. */
  report?: Report
  failure?: Failure
  /** What is new in this version, in the creator's words. */
  changelog?: string
  /** All bytes are with the server: only the finish has to be tried again. */
  uploadId?: string
  /** What it has become. */
  versionId?: string
}

interface Uploads {
  /** By the nano's id. */
  transfers: Record<string, Transfer>
}

export const useUploads = create<Uploads>(() => ({ transfers: {} }))

const running = new Map<string, AbortController>()
/** Ends the check of a file that is to be sent without. */
const SKIPPED = Symbol('skipped')

function patch(nanoId: string, change: Partial<Transfer>) {
  useUploads.setState(({ transfers }) => {
    const transfer = transfers[nanoId]
    return transfer ? { transfers: { ...transfers, [nanoId]: { ...transfer, ...change } } } : { transfers }
  })
}

export function dismiss(nanoId: string) {
  useUploads.setState(({ transfers }) => ({
    transfers: Object.fromEntries(Object.entries(transfers).filter(([id]) => id !== nanoId)),
  }))
}

export interface Submission {
  format: Format
  changelog?: string
}

/**
 * Checks a file here and sends it unless that refuses it. Where the check cannot run, or is skipped, the file is sent
 * all the same: the server checks it anyway. Never rejects: the transfer tells what became of it.
 */
export async function submit(
  nanoId: string,
  file: File,
  { format, changelog }: Submission,
  check: typeof examine = examine,
) {
  const transfer: Transfer = {
    name: file.name,
    total: file.size,
    checked: 0,
    sent: 0,
    phase: 'checking',
    changelog,
  }
  useUploads.setState(({ transfers }) => ({ transfers: { ...transfers, [nanoId]: transfer } }))
  const stop = new AbortController()
  running.set(nanoId, stop)
  warnBeforeLeaving()
  try {
    const report = await check(file, {
      format,
      signal: stop.signal,
      onDirectory: (report) => patch(nanoId, { report }),
      onProgress: (checked) => patch(nanoId, { checked }),
    })
    if (report && refuses(report)) {
      patch(nanoId, { phase: 'refused', report })
      return
    }
  } catch {
    if (stop.signal.aborted && stop.signal.reason !== SKIPPED) {
      dismiss(nanoId)
      return
    }
  } finally {
    running.delete(nanoId)
    warnBeforeLeaving()
  }
  await send(nanoId, file)
}

/** Sends a file and has the server's check of it started. */
async function send(nanoId: string, file: File) {
  patch(nanoId, { phase: 'sending', report: undefined })
  const stop = new AbortController()
  const rate = new Rate()
  running.set(nanoId, stop)
  warnBeforeLeaving()
  try {
    const answer = await api.put<Envelope<Upload>>(`/nanos/${nanoId}/file`, file, {
      params: { filename: file.name },
      headers: { 'Content-Type': 'application/octet-stream' },
      signal: stop.signal,
      timeoutMs: 0,
      send: counting((loaded) => {
        const sent = Math.min(loaded, file.size)
        patch(nanoId, { sent, remainingMs: rate.remaining(sent, file.size, performance.now()) })
      }),
    })
    patch(nanoId, { sent: file.size, uploadId: answer.data.data.id })
  } catch (error) {
    if (stop.signal.aborted) dismiss(nanoId)
    else patch(nanoId, { phase: 'failed', failure: describe(error) })
    return
  } finally {
    running.delete(nanoId)
    warnBeforeLeaving()
  }
  await finish(nanoId)
}

/** Has the check of a received file started; safe to repeat. */
export async function finish(nanoId: string) {
  const { uploadId, changelog } = useUploads.getState().transfers[nanoId] ?? {}
  if (!uploadId) return
  patch(nanoId, { phase: 'finishing', failure: undefined })
  try {
    const answer = await api.post<Envelope<FinishedUpload>>(
      `/uploads/${uploadId}/finish`,
      changelog?.trim() ? { changelog } : undefined,
    )
    patch(nanoId, { phase: 'done', versionId: answer.data.data.version_id })
  } catch (error) {
    patch(nanoId, { phase: 'failed', failure: describe(error) })
  }
}

export function cancel(nanoId: string) {
  running.get(nanoId)?.abort()
}

/** Ends a check whose file is to be sent without. */
export function skip(nanoId: string) {
  running.get(nanoId)?.abort(SKIPPED)
}

function onLeave(event: BeforeUnloadEvent) {
  event.preventDefault()
}

function warnBeforeLeaving() {
  if (running.size > 0) addEventListener('beforeunload', onLeave)
  else removeEventListener('beforeunload', onLeave)
}
