import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { serverNow } from '../../api/clock'
import { groupsQuery, queuesQuery, workersQuery } from './api'
import { useLive } from './live'

/** Without the stream of events what it would tell is asked for. */
const LOOK_MS = 10_000

const useLook = () => useLive(({ live }) => (live ? (false as const) : LOOK_MS))

export const useQueues = () => useQuery({ ...queuesQuery, refetchInterval: useLook() })
export const useWorkers = () => useQuery({ ...workersQuery, refetchInterval: useLook() })
export const useGroups = () => useQuery({ ...groupsQuery, refetchInterval: useLook() })

/** The server's time, going on. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
