/** The beginning of a list, read again. */
export interface Newest<T> {
  rows: readonly T[]
  /** There is nothing beyond it. */
  whole: boolean
}

export interface Followed<T> {
  /** What is shown, in its old order, each as it is by now. */
  rows: T[]
  /** What came before all that is shown. */
  fresh: number
  /** There may be more of that than was read. */
  more: boolean
  /** What is shown and does not belong there any more. */
  gone: ReadonlySet<string>
}

/**
 * A list that people read while it goes on: rows change where they are, and none moves or comes between. What is new is
 * counted, for a button that shows it.
 */
export function follow<T>(
  shown: readonly T[],
  newest: Newest<T> | undefined,
  id: (row: T) => string,
): Followed<T> {
  if (!newest) return { rows: [...shown], fresh: 0, more: false, gone: new Set() }
  const known = new Map(shown.map((row, place) => [id(row), place]))
  const now = new Map(newest.rows.map((row) => [id(row), row]))
  const places = newest.rows.map((row) => known.get(id(row)))
  const met = places.findIndex((place) => place !== undefined)
  const last = Math.max(-1, ...places.map((place) => place ?? -1))
  // Of what lies beyond the last row that both have, the newest ones say nothing.
  const seen = newest.whole ? shown.length : last
  return {
    rows: shown.map((row) => now.get(id(row)) ?? row),
    fresh: places.filter((place) => place === undefined).length,
    more: met < 0 && !newest.whole,
    gone: new Set(
      shown
        .slice(0, Math.max(0, seen))
        .map(id)
        .filter((one) => !now.has(one)),
    ),
  }
}
