import { create } from 'zustand'

/** Something would leave a page with text that was not sent. */
interface Leaving {
  /** Goes on with it. */
  go: () => void
  /** Whether drafts outlive it. */
  keeps: boolean
}

export const useLeaving = create<{ leaving: Leaving | undefined }>(() => ({ leaving: undefined }))

/** What there is to lose, by name, and what throws it away for good. */
const dirty = new Map<string, () => void>()

const onUnload = (event: BeforeUnloadEvent) => event.preventDefault()

export function markDirty(name: string, discard: () => void) {
  dirty.set(name, discard)
  addEventListener('beforeunload', onUnload)
}

export function markClean(name: string) {
  dirty.delete(name)
  if (dirty.size === 0) removeEventListener('beforeunload', onUnload)
}

/** Goes at once where nothing is lost by it, else asks first. */
export function leaveBy(go: () => void, keeps = true) {
  if (dirty.size === 0) go()
  else useLeaving.setState({ leaving: { go, keeps } })
}

export const isDirty = () => dirty.size > 0

/** The answer: stay, go and find the text again later, or go without it. */
export function answer(choice: 'stay' | 'keep' | 'discard') {
  const { leaving } = useLeaving.getState()
  useLeaving.setState({ leaving: undefined })
  if (choice === 'stay' || !leaving) return
  if (choice === 'discard') for (const discard of [...dirty.values()]) discard()
  for (const name of [...dirty.keys()]) markClean(name)
  leaving.go()
}
