import { expect, it } from 'vitest'
import { follow } from './follow'

interface Row {
  id: string
  state: string
}
const row = (id: string, state = 'running'): Row => ({ id, state })
const id = ({ id }: Row) => id

const shown = [row('d'), row('c'), row('b'), row('a')]

it('rows stay where they are and change in place', () => {
  const newest = { rows: [row('d', 'completed'), row('c'), row('b')], whole: false }
  const { rows, fresh, gone } = follow(shown, newest, id)
  expect(rows.map(id)).toEqual(['d', 'c', 'b', 'a'])
  expect(rows[0]?.state).toBe('completed')
  expect(fresh).toBe(0)
  expect(gone.size).toBe(0)
})

it('what is new is counted and not shown', () => {
  const newest = { rows: [row('f'), row('e'), row('d'), row('c')], whole: false }
  const { rows, fresh, more } = follow(shown, newest, id)
  expect(rows).toHaveLength(4)
  expect([fresh, more]).toEqual([2, false])
})

it('when all that was read is new there may be more', () => {
  const newest = { rows: [row('z'), row('y')], whole: false }
  const { fresh, more, gone } = follow(shown, newest, id)
  expect([fresh, more, gone.size]).toEqual([2, true, 0])
})

it('what has left the list is told from what was not read again', () => {
  expect([...follow(shown, { rows: [row('d'), row('b')], whole: false }, id).gone]).toEqual(['c'])
  expect([...follow(shown, { rows: [row('d'), row('b')], whole: true }, id).gone]).toEqual(['c', 'a'])
  expect([...follow(shown, { rows: [], whole: true }, id).gone]).toEqual(['d', 'c', 'b', 'a'])
})

it('without news everything is as it was', () => {
  expect(follow(shown, undefined, id)).toEqual({ rows: shown, fresh: 0, more: false, gone: new Set() })
})
