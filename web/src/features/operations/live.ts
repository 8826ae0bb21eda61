import type { QueryClient } from '@tanstack/react-query'
import { personal } from '../../live/personal'
import type { ServerEvent } from '../../live/sse'
import { overviewQuery, workersQuery, type Overview, type Worker } from './api'

/** Each event is the whole of its topic. */
function take(queries: QueryClient, { type, data }: ServerEvent) {
  const told: unknown = JSON.parse(data)
  if (type === 'overview') queries.setQueryData(overviewQuery.queryKey, told as Overview)
  else if (type === 'workers') queries.setQueryData(workersQuery.queryKey, told as Worker[])
}

/** While a page of operations is seen, queues, workers and failures are told as they change. */
export const { useFollow: useOperationsEvents, useLive } = personal({
  name: 'operations.events',
  path: '/admin/jobs/events?topics=overview,workers',
  keep: ({ type }) => type,
  take: (queries, events) => {
    for (const event of events) take(queries, event)
  },
})
