import type { Stats } from './api'

const MINUTE_MS = 60_000

const chosen = ({ series }: Stats, names: readonly string[] | undefined) =>
  names ? series.filter(({ name }) => names.includes(name)) : series

/** Runs of the named series together, or of all. */
export const sumOf = (stats: Stats, names?: readonly string[]) =>
  chosen(stats, names).reduce((sum, { total }) => sum + total, 0)

/** The same minute by minute, with those that had none. The last one has only begun, and would look like a fall. */
export function perMinute(stats: Stats, names?: readonly string[]): number[] {
  const since = Date.parse(stats.since)
  const length = Math.max(0, Math.floor((Date.parse(stats.until) - since) / MINUTE_MS))
  const values = new Array<number>(length).fill(0)
  for (const { points } of chosen(stats, names)) {
    for (const { at, runs } of points) {
      const place = Math.floor((Date.parse(at) - since) / MINUTE_MS)
      if (place >= 0 && place < length) values[place] = (values[place] ?? 0) + runs
    }
  }
  return values
}
