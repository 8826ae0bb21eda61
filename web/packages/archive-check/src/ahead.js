/**
 * Reading ahead: each range that a browser reads of a file costs some milliseconds, whatever its length, and a check
 * mostly goes from front to back.
 */

/** The most that is read at a time, and kept. */
const MOST = 8 << 20

/**
 * Fills targets from a file of `size` bytes. A read that goes on where the last one ended reads twice as much as the one
 * before it; any other reads what it was asked for.
 *
 * @param {number} size
 * @param {(from: number, to: number) => ArrayBuffer} range
 * @returns {(offset: number, target: Uint8Array) => void}
 */
export function ahead(size, range) {
  let start = 0
  let kept = new Uint8Array()
  return (offset, target) => {
    for (let done = 0; done < target.length;) {
      const from = offset + done
      if (from < start || from >= start + kept.length) {
        const goesOn = from === start + kept.length
        const count = Math.max(target.length - done, goesOn ? Math.min(2 * kept.length, MOST) : 0)
        const to = Math.min(from + count, size)
        const bytes = new Uint8Array(range(from, to))
        if (bytes.length === 0 || bytes.length < to - from) throw new Error('the file is shorter than it was')
        ;[start, kept] = [from, bytes]
      }
      const part = kept.subarray(from - start, from - start + target.length - done)
      target.set(part, done)
      done += part.length
    }
  }
}
