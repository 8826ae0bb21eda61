import { describe, expect, it } from 'vitest'
import { bytes, span } from './format'

const plain = (text: string) => text.replaceAll('\u{a0}', ' ')

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 KB'],
    [1490, '1,5 KB'],
    [99_940, '99,9 KB'],
    [99_960, '100 KB'],
    [999_940, '1.000 KB'],
    [999_950, '1 MB'],
    [1_073_741_824, '1,1 GB'],
  ])('%i', (count, text) => expect(plain(bytes(count, 'de'))).toBe(text))
})

describe('span', () => {
  it.each([
    [-5, '0 ms'],
    [12.4, '12 ms'],
    [999, '999 ms'],
    [999.6, '1 s'],
    [2_340, '2.3 s'],
    [9_960, '10 s'],
    [59_400, '59 s'],
    [59_600, '1 min'],
    [65_000, '1 min 5 s'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
  ])('%f', (ms, text) => expect(plain(span(ms, 'en'))).toBe(text))
})
