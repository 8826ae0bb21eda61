import { expect, it } from 'vitest'
import { readFilter, writeFilter } from './filter'

it('reads what an address asks for, and leaves out what it cannot mean', () => {
  expect(readFilter(new URLSearchParams('q=ada&role=admin&status=suspended&page=3'))).toEqual({
    q: 'ada',
    role: 'admin',
    status: 'suspended',
    page: 3,
  })
  for (const odd of ['', 'role=king&status=asleep', 'page=-1', 'page=x', 'page=0.5']) {
    expect(readFilter(new URLSearchParams(odd)), odd).toEqual({ q: '', role: '', status: '', page: 1 })
  }
})

it('writes the same address again, without what says nothing', () => {
  for (const address of ['', 'q=ada+b', 'role=admin&page=2', 'q=a&role=creator&status=active&page=7']) {
    expect(writeFilter(readFilter(new URLSearchParams(address))).toString()).toBe(address)
  }
})
