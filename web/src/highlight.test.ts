import { expect, it } from 'vitest'
import { pieces } from './highlight'

it('marks matches and turns entities back into characters', () => {
  expect(pieces('Excel &amp; <em>Pivot</em>&lt;b&gt;<em>x</em>')).toEqual([
    { text: 'Excel & ', match: false },
    { text: 'Pivot', match: true },
    { text: '<b>', match: false },
    { text: 'x', match: true },
  ])
})

it('knows numbers, and leaves alone what is no entity', () => {
  expect(pieces('&#39;&#x2F;&bogus; a & b; &#1114112;')[0]?.text).toBe("'/&bogus; a & b; &#1114112;")
})
