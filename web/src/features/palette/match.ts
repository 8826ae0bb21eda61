/** Lower case and without accents: `zeitplane` finds `Zeitpläne`. */
const plain = (text: string) =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/\p{Mark}/gu, '')

/** Those whose words begin with each of the words typed, in any order. */
export function matching<T>(all: readonly T[], typed: string, words: (one: T) => string): T[] {
  const wanted = plain(typed).split(/\s+/).filter(Boolean)
  return all.filter((one) => {
    const has = plain(words(one)).split(/[\s:/]+/)
    return wanted.every((want) => has.some((word) => word.startsWith(want)))
  })
}
