import { expect, it } from 'vitest'
import { moved } from './order'

it('moves one thing by a place and loses none', () => {
  const things = ['a', 'b', 'c']
  expect(moved(things, 0, 1)).toEqual(['b', 'a', 'c'])
  expect(moved(things, 2, -1)).toEqual(['a', 'c', 'b'])
  expect(moved(things, 1, 1)).toEqual(['a', 'c', 'b'])
  expect(moved(things, 0, -1)).toEqual(things)
  expect(moved(things, 2, 1)).toEqual(things)
  expect(moved(things, 7, 1)).toEqual(things)
})
