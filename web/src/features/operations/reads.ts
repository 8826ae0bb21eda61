import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { serverNow } from '../../api/clock'
import { overviewQuery, workersQuery, type Overview } from './api'
import { useLive } from './live'

/** Without the stream of events what it would tell is asked for. */
const LOOK_MS = 10_000

const useLook = () => (useLive() ? (false as const) : LOOK_MS)

const queuesOf = ({ queues }: Overview) => queues
const causesOf = ({ causes }: Overview) => causes

export const useOverview = () => useQuery({ ...overviewQuery, refetchInterval: useLook() })
export const useQueues = () => useQuery({ ...overviewQuery, select: queuesOf, refetchInterval: useLook() })
export const useWorkers = () => useQuery({ ...workersQuery, refetchInterval: useLook() })
/** The causes that were seen last. */
export const useGroups = () => useQuery({ ...overviewQuery, select: causesOf, refetchInterval: useLook() })

/** The server's time, going on. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
