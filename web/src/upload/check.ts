import type { Format, Report } from '../api/types'

/** Where the check has not said a first word by then (a slow line, a worker that never starts), the upload goes on. */
const PATIENCE_MS = 10_000

export interface Examination {
  format: Format
  signal: AbortSignal
  /** The first verdict: what the archive's directory tells. */
  onDirectory: (report: Report) => void
  /** Bytes checked. */
  onProgress: (done: number) => void
}

type Check = (typeof import('@nano/archive-check'))['checkArchive']

/** Not part of any page: it comes when the first file is checked. */
const load = async (): Promise<Check> => {
  if (typeof WebAssembly === 'undefined') throw new Error('this browser has no WebAssembly')
  return (await import('@nano/archive-check')).checkArchive
}

/**
 * The server's verdict on a file, found here. Nothing where the check cannot run: then the server decides alone, as it
 * decides in any case. Rejects with the signal's reason, and for no other.
 */
export async function examine(
  file: Blob,
  { format, signal, onDirectory, onProgress }: Examination,
  { source = load, patienceMs = PATIENCE_MS }: { source?: () => Promise<Check>; patienceMs?: number } = {},
): Promise<Report | undefined> {
  signal.throwIfAborted()
  const stop = new AbortController()
  const pass = () => stop.abort(signal.reason)
  signal.addEventListener('abort', pass)
  const timer = setTimeout(() => stop.abort(), patienceMs)
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error))
  })
  try {
    const checking = source().then((check) =>
      check(file, {
        format,
        signal: stop.signal,
        onDirectory: ({ report }) => {
          clearTimeout(timer)
          onDirectory(report)
        },
        onProgress,
      }),
    )
    return await Promise.race([checking, stopped])
  } catch {
    signal.throwIfAborted()
    return undefined
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', pass)
  }
}

/** The archive is refused, whatever else may be found. */
export function refuses(report: Report): boolean {
  return report.findings.some((finding) => finding.severity === 'reject')
}
