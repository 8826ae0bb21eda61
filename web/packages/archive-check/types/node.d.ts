/** For Node.js: the check runs where it is called, until it is done. */

import type { DirectoryVerdict, Format, Report } from './report'

export * from './report'

export interface CheckOptions {
  /** The format of the nano it is for; `mixed` when none is given. */
  format?: Format
  /** The first verdict, before the content is read. */
  onDirectory?: (verdict: DirectoryVerdict) => void
  /** Bytes checked and their total, after about each mebibyte of work; `false` stops the check, which then throws. */
  onProgress?: (done: number, total: number) => boolean | void
}

/** A path, an open file descriptor, or the archive's bytes. */
export type Source = string | URL | number | Uint8Array

/** Checks all of an archive. Throws a `TypeError` for an unknown format, and `CheckFailed`. */
export function checkArchive(source: Source, options?: CheckOptions): Report

/** Checks the directory alone, of which only the file's end is read. Throws as `checkArchive` does. */
export function checkDirectory(source: Source, options?: Pick<CheckOptions, 'format'>): DirectoryVerdict
