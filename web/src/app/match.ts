/** What an address's parts with a name are: `/nanos/:id` finds `id`. Nothing where the pattern does not fit. */
export function match(pattern: string, pathname: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  // With or without a slash at the end.
  const given = pathname.replace(/(?<=.)\/$/, '').split('/')
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [place, part] of wanted.entries()) {
    const value = given[place] ?? ''
    if (!part.startsWith(':')) {
      if (part !== value) return undefined
    } else {
      if (value === '') return undefined
      try {
        params[part.slice(1)] = decodeURIComponent(value)
      } catch {
        // Not an address that this site makes.
        return undefined
      }
    }
  }
  return params
}
