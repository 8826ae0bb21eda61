import { useEffect, useRef, type RefObject } from 'react'

/**
 * Takes the focus when `step` changes: what had it may be gone, and the next thing should be read out. Not when something
 * inside has it already. The element needs `tabIndex={-1}`.
 */
export function useFocusAfter<E extends HTMLElement>(step: unknown): RefObject<E | null> {
  const ref = useRef<E>(null)
  const before = useRef(step)
  useEffect(() => {
    if (before.current === step) return
    before.current = step
    if (!ref.current?.contains(document.activeElement)) ref.current?.focus()
  }, [step])
  return ref
}
