import { useEffect, useMemo, useState } from 'react'
import { useSession } from '../session/store'
import { dropDraft, keepDraft, keptDraft } from './drafts'
import { markClean, markDirty } from './guard'

export type Draft<T> = ReturnType<typeof useDraft<T>>

/** The draft of a form by its name: what was typed earlier, and where to keep what is typed now. */
export function useDraft<T>(name: string) {
  // As it was when the form came up: a form that is being filled in is not filled in by somebody else.
  const [person] = useState(() => useSession.getState().me?.id ?? 'guest')
  const [kept, setKept] = useState(() => keptDraft<T>(person, name))
  useEffect(() => () => markClean(name), [name])
  const acts = useMemo(() => {
    const drop = () => {
      dropDraft(person, name)
      markClean(name)
    }
    return {
      keep: (values: T) => {
        keepDraft(person, name, values)
        markDirty(name, drop)
      },
      /** It was sent, or is not wanted any more. */
      drop,
    }
  }, [person, name])
  return {
    ...acts,
    kept,
    /** Throws away what was found at the beginning. */
    forget: () => {
      acts.drop()
      setKept(undefined)
    },
  }
}
