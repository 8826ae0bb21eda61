export interface Piece {
  text: string
  match: boolean
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Splits a highlight of the search (HTML-escaped text with the matches in `<em>`) into plain pieces, so that no HTML
 * from outside reaches the page.
 */
export function pieces(highlight: string): Piece[] {
  const found: Piece[] = []
  let match = false
  for (const part of highlight.split(/(<\/?em>)/)) {
    if (part === '<em>') match = true
    else if (part === '</em>') match = false
    else if (part !== '') found.push({ text: unescape(part), match })
  }
  return found
}

function unescape(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|([a-z]+));/gi, (entity, decimal, hex, name) => {
    const code = decimal ? parseInt(decimal as string, 10) : hex ? parseInt(hex as string, 16) : NaN
    if (code <= 0x10ffff) return String.fromCodePoint(code)
    return ENTITIES[name as string] ?? entity
  })
}
