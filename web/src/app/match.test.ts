import { expect, it } from 'vitest'
import { match } from './match'

it('finds the parts of an address that have a name', () => {
  expect(match('/', '/')).toEqual({})
  expect(match('/nanos/:id', '/nanos/7')).toEqual({ id: '7' })
  expect(match('/nanos/:id', '/nanos/7/')).toEqual({ id: '7' })
  expect(match('/studio/nanos/:id/edit', '/studio/nanos/a%20b/edit')).toEqual({ id: 'a b' })
})

it('fits nothing else', () => {
  for (const other of ['/nanos', '/nanos/', '/nanos/7/edit', '//nanos/7', '/Nanos/7', '/nanos/%', '/'])
    expect(match('/nanos/:id', other), other).toBeUndefined()
})
