/** The same things with the one at `from` moved by `by` places; at an end it stays. */
export function moved<T>(things: readonly T[], from: number, by: 1 | -1): T[] {
  const to = from + by
  const one = things[from]
  if (one === undefined || to < 0 || to >= things.length) return [...things]
  const others = things.filter((_, place) => place !== from)
  return [...others.slice(0, to), one, ...others.slice(to)]
}
