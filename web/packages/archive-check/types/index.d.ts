/** For web pages: the check runs in a module worker of its own. */

import type { DirectoryVerdict, Format, Report } from './report'

export * from './report'

export interface CheckOptions {
  /** The format of the nano it is for; `mixed` when none is given. */
  format?: Format
  /** Ends the check at once: the promise rejects with the signal's reason. */
  signal?: AbortSignal
}

export interface ContentOptions extends CheckOptions {
  /** The first verdict, before the content is read. */
  onDirectory?: (verdict: DirectoryVerdict) => void
  /** Bytes of the file that were checked and its size, at most some twenty times a second. */
  onProgress?: (done: number, total: number) => void
}

/**
 * Checks all of a file: first its directory, then every header and all content. It is read in pieces; nothing of it leaves
 * the page. An archive that its directory refuses is still read where that is safe, so that the report has everything.
 *
 * Rejects with a `TypeError` for an unknown format, the signal's reason, or `CheckFailed`.
 */
export function checkArchive(file: Blob, options?: ContentOptions): Promise<Report>

/** Checks the directory alone, of which only the file's end is read: some milliseconds whatever the size. */
export function checkDirectory(file: Blob, options?: CheckOptions): Promise<DirectoryVerdict>
