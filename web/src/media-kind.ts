export type MediaKind =
  | 'page'
  | 'text'
  | 'data'
  | 'pdf'
  | 'image'
  | 'video'
  | 'audio'
  | 'document'
  | 'sheet'
  | 'slides'
  | 'font'
  | 'script'
  | 'other'

/** In this order: the first that fits names the kind. */
const KINDS: readonly (readonly [RegExp, MediaKind])[] = [
  [/^application\/pdf$/, 'pdf'],
  [/^(text\/html|application\/xhtml)/, 'page'],
  [/javascript|wasm/, 'script'],
  [/^font\//, 'font'],
  [/json|csv/, 'data'],
  [/spreadsheet/, 'sheet'],
  [/presentation/, 'slides'],
  [/wordprocessing|opendocument\.text|epub/, 'document'],
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'audio'],
  [/^text\//, 'text'],
]

/** What a media type is to a person. */
export function mediaKind(type: string): MediaKind {
  return KINDS.find(([fits]) => fits.test(type))?.[1] ?? 'other'
}
