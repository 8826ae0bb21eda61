/** The first letters of the first two words. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  return words
    .slice(0, 2)
    .map((word) => [...word][0] ?? '')
    .join('')
    .toUpperCase()
}

/** Somebody, by the first letters of their name, which stands beside it. */
export function Avatar({ name }: { name: string }) {
  return (
    <span
      aria-hidden="true"
      className="grid size-9 place-items-center rounded-full bg-accent-soft text-sm font-bold text-accent"
    >
      {initials(name)}
    </span>
  )
}
