import { useSyncExternalStore } from 'react'

function follow(tell: () => void) {
  document.addEventListener('visibilitychange', tell)
  return () => document.removeEventListener('visibilitychange', tell)
}

/** Whether somebody can see this tab. */
export const useVisible = () => useSyncExternalStore(follow, () => document.visibilityState === 'visible')
