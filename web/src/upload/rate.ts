/** How far back the speed is measured, in milliseconds. */
const WINDOW = 8_000
/** Before that nothing is told: the first bytes only fill buffers. */
const WARM_UP = 1_500

/** Estimates when a transfer ends, from the speed of its last seconds. */
export class Rate {
  #marks: { at: number; sent: number }[] = []

  /** Milliseconds from `now` to the end, or undefined while that cannot be told. */
  remaining(sent: number, total: number, now: number): number | undefined {
    this.#marks.push({ at: now, sent })
    while (this.#marks.length > 2 && now - (this.#marks[0]?.at ?? now) > WINDOW) this.#marks.shift()
    const first = this.#marks[0]
    if (!first || now - first.at < WARM_UP || sent <= first.sent) return undefined
    return ((total - sent) * (now - first.at)) / (sent - first.sent)
  }
}
