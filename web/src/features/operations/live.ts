import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { create } from 'zustand'
import { share } from '../../live/shared'
import type { ServerEvent } from '../../live/sse'
import { follow } from '../../live/stream'
import { useVisible } from '../../live/use-visible'
import { tokens } from '../../session/session'
import { useSession } from '../../session/store'
import { overviewQuery, workersQuery, type Overview, type Worker } from './api'

/** Going from one page to the next ends no stream. */
const LINGER_MS = 3_000

/** Whether queues, workers and failures are told as they change. */
export const useLive = create<{ live: boolean }>(() => ({ live: false }))

let readers = 0
let stream: AbortController | undefined
let lingering: ReturnType<typeof setTimeout> | undefined

/** Each event is the whole of its topic. */
function take(queries: QueryClient, { type, data }: ServerEvent) {
  const told: unknown = JSON.parse(data)
  if (type === 'overview') queries.setQueryData(overviewQuery.queryKey, told as Overview)
  else if (type === 'workers') queries.setQueryData(workersQuery.queryKey, told as Worker[])
}

function begin(queries: QueryClient) {
  const stop = new AbortController()
  stream = stop
  share({
    name: 'operations.events',
    keep: ({ type }) => type,
    follow: (how) =>
      follow({
        ...how,
        url: '/api/v1/admin/jobs/events?topics=overview,workers',
        token: (refused) => (refused ? tokens.replace(refused) : tokens.get()),
      }),
    onEvents: (events) => {
      for (const event of events) if (!stop.signal.aborted) take(queries, event)
    },
    onLive: (live) => {
      if (stream === stop) useLive.setState({ live })
    },
    signal: stop.signal,
  }).catch(() => end())
}

function end() {
  clearTimeout(lingering)
  stream?.abort()
  stream = undefined
  useLive.setState({ live: false })
}

// What one person may see is not told to the next.
useSession.subscribe((now, before) => {
  if (now.me?.id !== before.me?.id) end()
})

/** While a page of operations is seen: one stream for all of them, and for all tabs. */
export function useOperationsEvents() {
  const queries = useQueryClient()
  const visible = useVisible()
  const person = useSession(({ me, ended }) => (ended ? undefined : me?.id))
  useEffect(() => {
    if (!visible || !person) return
    readers += 1
    clearTimeout(lingering)
    if (!stream) begin(queries)
    return () => {
      readers -= 1
      if (readers === 0) lingering = setTimeout(end, LINGER_MS)
    }
  }, [queries, visible, person])
}
