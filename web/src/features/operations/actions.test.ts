import { expect, it } from 'vitest'
import { ACTIONS, fits, keyring, STATES, touched } from './actions'

it('knows which states each action fits, as the queue does', () => {
  const fitting = Object.fromEntries(
    ACTIONS.map((action) => [action, STATES.filter((state) => fits(action, state)).join(' ')]),
  )
  expect(fitting).toEqual({
    retry: 'scheduled retryable cancelled discarded quarantined',
    cancel: 'available scheduled running retryable waiting blocked',
    discard: 'available scheduled retryable waiting blocked cancelled quarantined',
    rerun: 'completed',
  })
})

it('a bulk action touches the states of its filter that it fits', () => {
  expect(touched('retry', ['running', 'discarded', 'completed'])).toEqual(['discarded'])
  expect(touched('rerun', ['running'])).toEqual([])
})

it('the same request has the same key, another one another', () => {
  const key = keyring()
  const first = key({ reason: 'the server is back' })
  expect(first).toMatch(/^[0-9a-f]{32}$/)
  expect(key({ reason: 'the server is back' })).toBe(first)
  expect(key({ reason: 'the server is really back' })).not.toBe(first)
})
