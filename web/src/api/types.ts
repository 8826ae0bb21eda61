/** What the API answers with: names for the parts of its document (`npm run types`), and what the document leaves open. */

import type { Schemas } from '@nano/api-client'

export type Me = Schemas['Me']
/** The refresh token stays in its cookie. */
export type TokenPair = Pick<Schemas['TokenPair'], 'access_token' | 'expires_in'>
export type Nano = Schemas['Nano']
export type Version = Schemas['Version']
export type Job = Schemas['Job']
export type Category = Schemas['Category']
export type DownloadLink = Schemas['DownloadLink']
export type SearchAnswer = Schemas['SearchAnswer']
export type Upload = Schemas['UploadView']
export type FinishedUpload = Schemas['FinishedUpload']
export type Meta = Schemas['Meta']
export type Maintenance = Schemas['MaintenanceView']
export type CreateNano = Schemas['CreateNano']
export type Language = Nano['language']
export type Format = Nano['format']
export type License = Nano['license']
export type Status = Nano['status']

export interface Envelope<T> {
  data: T
  meta?: Meta | null
  timestamp: string
}

/** A form as it is filled in: the duration may not be there yet. */
export type NanoForm = Omit<CreateNano, 'duration_minutes'> & Partial<Pick<CreateNano, 'duration_minutes'>>

/** A file of an archive. */
export interface Entry {
  name: string
  media_type: string
  size: number
}

/** One thing the archive check found. */
export interface Finding {
  code: string
  severity: 'reject' | 'note'
  entry?: string
  offset?: number
  detail?: string
  /** How many files it is about, and three of them; older reports have neither. */
  count?: number
  examples?: string[]
  message_de: string
  message_en: string
  hint_de: string
  hint_en: string
}

/** What the archive check found. */
export interface Report {
  accepted: boolean
  /** False when the directory alone was reason enough to stop. */
  content_checked: boolean
  findings: Finding[]
  /** What kind of learning package it is, if it is one. */
  package?: Package | null
}

export interface Package {
  kind: 'scorm_1_2' | 'scorm_2004' | 'cmi5' | 'common_cartridge' | 'h5p' | 'epub' | 'site'
  title?: string | null
  start_page?: string | null
  /** A language tag. */
  language?: string | null
  /** A name, an address or a sentence, as the manifest states it. */
  licence?: string | null
  duration_minutes?: number | null
  objectives?: string[]
  description?: string | null
}

/** What a step could not do with a file, without any harm to the upload. */
export type StepNote = Schemas['Note']

/** One thing the content scan found. */
export interface ScanFinding {
  rule: string
  entry: string
  action: 'note' | 'review' | 'quarantine'
  count: number
  excerpt?: string
  de: string
  en: string
}

export interface Scan {
  findings: ScanFinding[]
}

/** Report, scan and steps are for the creator and the moderators. */
export interface VersionDetail extends Version {
  manifest?: Entry[] | null
  report?: Report | null
  scan?: Scan | null
  notes?: StepNote[] | null
  pipeline?: Job[] | null
}

/** Words of a published nano that are not public yet; with findings, a person has to look. */
export interface PendingEdit extends Pick<Schemas['PendingEdit'], 'title' | 'description' | 'created_at'> {
  findings?: ScanFinding[] | null
}

export interface NanoDetail extends Omit<Nano, 'pending_edit'> {
  pending_edit?: PendingEdit | null
  latest_version?: VersionDetail | null
  /** For whoever is signed in. */
  is_favorite?: boolean | null
}

export interface Case extends Pick<Schemas['CaseView'], 'id' | 'cause' | 'nano' | 'version' | 'created_at'> {
  scan?: Scan | null
  edit?: PendingEdit | null
  /** A comment, or a creator's reply to one, with what the scan has found in it. */
  rating?: { words: { text: string; findings?: ScanFinding[] | null } } | null
}
