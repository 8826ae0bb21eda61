import type { JobState } from './api'

export const ACTIONS = ['retry', 'cancel', 'discard', 'rerun'] as const
export type Action = (typeof ACTIONS)[number]

/** States that say how something stands, in the order of a job's life. */
export const STATES: readonly JobState[] = [
  'available',
  'scheduled',
  'running',
  'retryable',
  'waiting',
  'blocked',
  'completed',
  'cancelled',
  'discarded',
  'quarantined',
]

/** Nothing happens to such a job by itself any more. */
export const ended = (state: JobState) =>
  ['completed', 'cancelled', 'discarded', 'quarantined'].includes(state)

/** Whether the API lets a job in this state be acted upon (`Action::fits` of the queue). */
export function fits(action: Action, state: JobState): boolean {
  switch (action) {
    case 'retry':
      return ['discarded', 'cancelled', 'quarantined', 'retryable', 'scheduled'].includes(state)
    case 'cancel':
      return !ended(state)
    case 'discard':
      return !['running', 'completed', 'discarded'].includes(state)
    case 'rerun':
      return state === 'completed'
  }
}

/** Whether time, priority or queue of a job in this state can be changed; of one that waits for its flow all but the time. */
export const changeable = (state: JobState) =>
  ['available', 'scheduled', 'retryable', 'blocked', 'waiting'].includes(state)

/** What of a filter's states a bulk action touches: those it fits. Without states it is the API that chooses. */
export const touched = (action: Action, states: readonly JobState[]) =>
  states.filter((state) => fits(action, state))

/**
 * A key for a request that must not count twice: the same for the same request, another one once something in it is
 * different.
 */
export function keyring() {
  let last: { payload: string; key: string } | undefined
  return (payload: unknown) => {
    const text = JSON.stringify(payload)
    if (last?.payload !== text) last = { payload: text, key: newKey() }
    return last.key
  }
}

/** `crypto.randomUUID` is absent outside of secure contexts. */
const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
