/** Names and values as they are stored; nothing where there are none. */
export function Fields({ of }: { of: unknown }) {
  const entries = entriesOf(of)
  if (entries.length === 0) return null
  return (
    <ul className="rounded-lg bg-sunken px-3 py-2 font-mono text-xs leading-5 wrap-anywhere">
      {entries.map(([name, value]) => (
        <li key={name}>
          <span className="text-muted">{name}:</span>{' '}
          {typeof value === 'string' ? value : JSON.stringify(value)}
        </li>
      ))}
    </ul>
  )
}

export const entriesOf = (of: unknown): [string, unknown][] =>
  typeof of === 'object' && of !== null ? Object.entries(of) : []
