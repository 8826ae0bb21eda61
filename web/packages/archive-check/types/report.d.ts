/** What a check says, the same on every side: the server's reports have this form. */

/** The texts of findings come in both. */
export type Language = 'de' | 'en'

/** A nano's format. Scripts are allowed in `interactive` and `quiz`. */
export type Format = 'video' | 'text' | 'quiz' | 'interactive' | 'mixed'

/** A stable name for one thing that can be wrong with an archive, or is worth a note. Never renamed, never reused. */
export type Code =
  | 'EMPTY_FILE'
  | 'UPLOAD_TOO_LARGE'
  | 'NOT_A_ZIP'
  | 'TRUNCATED'
  | 'PREPENDED_DATA'
  | 'TRAILING_DATA'
  | 'ARCHIVE_COMMENT'
  | 'AMBIGUOUS_END_RECORD'
  | 'MULTI_DISK'
  | 'ENTRY_COUNT_MISMATCH'
  | 'DIRECTORY_MISPLACED'
  | 'DIRECTORY_MALFORMED'
  | 'DIRECTORY_TOO_LARGE'
  | 'ZIP64'
  | 'NO_CONTENT'
  | 'LOCAL_HEADER_MISSING'
  | 'HEADER_MISMATCH'
  | 'ENTRIES_OVERLAP'
  | 'ENTRIES_OUT_OF_ORDER'
  | 'HIDDEN_DATA'
  | 'ENCRYPTED'
  | 'METHOD_UNSUPPORTED'
  | 'VERSION_UNSUPPORTED'
  | 'FLAG_UNSUPPORTED'
  | 'STORED_SIZE_MISMATCH'
  | 'DESCRIPTOR_NOT_ALLOWED'
  | 'DESCRIPTOR_INVALID'
  | 'DEFLATE_CORRUPT'
  | 'DEFLATE_TRUNCATED'
  | 'DATA_AFTER_STREAM'
  | 'LARGER_THAN_STATED'
  | 'SMALLER_THAN_STATED'
  | 'CRC_MISMATCH'
  | 'EXTRA_MALFORMED'
  | 'EXTRA_DUPLICATE'
  | 'EXTRA_FORBIDDEN'
  | 'UNICODE_EXTRA'
  | 'ENTRY_COMMENT'
  | 'NAME_EMPTY'
  | 'NAME_ENCODING'
  | 'NAME_AMBIGUOUS'
  | 'NAME_CONTROL_CHARACTER'
  | 'NAME_INVISIBLE_CHARACTER'
  | 'NAME_FORBIDDEN_CHARACTER'
  | 'NAME_BACKSLASH'
  | 'NAME_LOOKALIKE'
  | 'NAME_RESERVED'
  | 'NAME_TRAILING_DOT_OR_SPACE'
  | 'PATH_ABSOLUTE'
  | 'PATH_TRAVERSAL'
  | 'PATH_SEGMENT'
  | 'PATH_TOO_LONG'
  | 'PATH_TOO_DEEP'
  | 'DUPLICATE_NAME'
  | 'NAMES_COLLIDE'
  | 'FILE_AND_FOLDER'
  | 'FOLDER_WITH_CONTENT'
  | 'FOLDER_MISMATCH'
  | 'SYMLINK'
  | 'SPECIAL_FILE'
  | 'SETUID'
  | 'TOO_MANY_ENTRIES'
  | 'ENTRY_TOO_LARGE'
  | 'EXPANDED_TOO_LARGE'
  | 'ZIP_BOMB_RATIO'
  | 'NESTED_ARCHIVE'
  | 'NESTED_TOO_DEEP'
  | 'PROGRAM'
  | 'MACRO'
  | 'SCRIPT_NOT_ALLOWED'
  | 'TYPE_NOT_ALLOWED'
  | 'TYPE_MISMATCH'
  | 'TWO_TYPES'
  | 'TEXT_NOT_UTF8'
  | 'EMPTY_ENTRY'
  | 'OFFICE_INCOMPLETE'
  | 'PACKAGE_NEEDS_SCRIPTS'
  | 'PACKAGE_MANIFEST_UNREADABLE'
  | 'PACKAGE_MANIFEST_ENTITIES'
  | 'PACKAGE_MANIFEST_OUTSIDE'
  | 'PACKAGE_MANIFEST_TOO_LARGE'
  | 'PACKAGE_INCOMPLETE'
  | 'PACKAGE_AMBIGUOUS'
  | 'PACKAGE_IDENTIFIER_DUPLICATE'
  | 'PACKAGE_NO_START'
  | 'PACKAGE_START_MISSING'
  | 'PACKAGE_START_OUTSIDE'
  | 'PACKAGE_START_REMOTE'
  | 'PACKAGE_FILE_OUTSIDE'
  | 'NAME_RECOMPOSED'
  | 'NAME_REENCODED'
  | 'JUNK_IGNORED'
  | 'TEXT_ENCODING'
  | 'PICTURE_RENAMED'
  | 'EMBEDDED_OBJECT'
  | 'PACKAGE_IN_FOLDER'
  | 'PACKAGE_MISPLACED'
  | 'PACKAGE_NOT_RECOGNISED'
  | 'PACKAGE_FILE_MISSING'
  | 'PACKAGE_METADATA_UNREADABLE'
  | 'MORE_FINDINGS'

/** One kind of thing found in an archive, however often. */
export interface Finding {
  code: Code
  /** `reject` refuses the archive. */
  severity: 'reject' | 'note'
  /**
   * The entry concerned, safe to display. A part of a document stands behind `!/`: `deck.pptx!/ppt/vbaProject.bin`.
   * Without one the finding is about the archive as a whole.
   */
  entry?: string
  /** Byte offset in the upload, or in the document before the last `!/` when the entry names one. */
  offset?: number
  /** Figures and field names, the same in every language. */
  detail?: string
  /** How often it was found; entry, offset and detail are those of the first time. */
  count: number
  /** When found more than once: the first three entries concerned. */
  examples?: string[]
  message_de: string
  message_en: string
  hint_de: string
  hint_en: string
}

/** One file of an accepted archive. Folders and ignored system files are not listed. */
export interface ManifestEntry {
  /** Path with `/`, composed (NFC). */
  name: string
  /** The stored bytes of the name were other ones. */
  renamed: boolean
  media_type: string
  /** Bytes after expansion. */
  size: number
  /** Bytes in the archive. */
  compressed_size: number
  crc32: number
  method: 'stored' | 'deflate'
  /** Where the content starts in the archive. */
  data_offset: number
}

/** A learning package as its manifest describes it. The texts are the creator's own words, not escaped for any page. */
export interface Package {
  kind: 'scorm_1_2' | 'scorm_2004' | 'cmi5' | 'common_cartridge' | 'h5p' | 'epub' | 'site'
  /** The standard's edition; of H5P the main library with its version. */
  version?: string
  /** The entry that holds the manifest. */
  manifest?: string
  /** The entry that is opened first. */
  start_page?: string
  /** What follows `?` and `#` when the start page is opened. */
  start_query?: string
  start_fragment?: string
  title?: string
  /** A language tag (BCP 47). */
  language?: string
  /** An SPDX-like name, an address or a sentence. */
  licence?: string
  duration_minutes?: number
  objectives?: string[]
  description?: string
}

/** The outcome of a check. Sizes are bytes. */
export interface Report {
  /** The version of the rules at the time of the check. */
  rules: number
  /** No finding refuses the archive, and all of its content was read. */
  accepted: boolean
  /** False when the directory, or a budget that ran out, was reason enough to stop. */
  content_checked: boolean
  /** Gravest first. */
  findings: Finding[]
  /** In the order of the archive. Empty unless the content was checked. */
  entries: ManifestEntry[]
  upload_size: number
  /** All entries in packed form, as stated. */
  compressed_size: number
  /** All entries after expansion, as stated. */
  expanded_size: number
  /** The learning package that the content is, if it is one that is known. */
  package?: Package
}

/** What the directory alone tells. */
export interface DirectoryVerdict {
  /** The archive is refused already. */
  rejected: boolean
  /** Reading the content can tell more. */
  readable: boolean
  /** Files, folders and system files listed; 0 when the directory cannot be followed. */
  entries: number
  /** Never an accepting one, and without the entries. */
  report: Report
}

/** A finding's words in one language: what is wrong, and how to put it right. */
export function explain(finding: Finding, language: Language): { message: string; hint: string }

/**
 * The check could not be finished, which says nothing about the archive: the file cannot be read (any more), or the
 * check's program did not start. `cause` is the reason.
 */
export class CheckFailed extends Error {
  readonly name: 'CheckFailed'
}
