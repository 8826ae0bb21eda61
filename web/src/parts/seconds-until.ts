import { useCallback, useSyncExternalStore } from 'react'

/** Seconds until a time of this machine's clock, counted down; 0 from then on, and without one. */
export function useSecondsUntil(time: number | undefined): number {
  const left = useCallback(() => (time ? Math.max(0, Math.ceil((time - Date.now()) / 1000)) : 0), [time])
  const follow = useCallback(
    (tell: () => void) => {
      if (left() === 0) return () => {}
      const timer = setInterval(() => {
        tell()
        if (left() === 0) clearInterval(timer)
      }, 1000)
      return () => clearInterval(timer)
    },
    [left],
  )
  return useSyncExternalStore(follow, left)
}
