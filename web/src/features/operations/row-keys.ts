import { useEffect, useRef, type RefObject } from 'react'

const STEPS: Partial<Record<string, number>> = { j: 1, k: -1 }

/** Of a table: `j` and `k` go down and up its rows, `x` chooses the one that has the focus. Enter opens it, being a link. */
export function useRowKeys(): RefObject<HTMLTableElement | null> {
  const table = useRef<HTMLTableElement>(null)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { key, target } = event
      const typing = (target as Element).closest('input:not([type=checkbox]), textarea, select, dialog')
      if (event.ctrlKey || event.metaKey || event.altKey || typing) return
      const rows = [...(table.current?.tBodies[0]?.rows ?? [])]
      const here = rows.findIndex((row) => row.contains(document.activeElement))
      const step = STEPS[key]
      if (step !== undefined) {
        const next = Math.min(rows.length - 1, Math.max(0, here + step))
        rows[next]?.querySelector('a')?.focus()
      } else if (key === 'x') rows[here]?.querySelector('input')?.click()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return table
}
