import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { RouterProvider } from 'react-router'
import { isPassing } from './api/failure'
import './i18n/setup'
import './index.css'
import { router } from './routes'
import { followOtherTabs, restore } from './session/session'
import { useSession } from './session/store'

const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, retry: (failures, error) => failures < 2 && isPassing(error) },
  },
})

// What one person may see must not be shown to the next.
useSession.subscribe((now, before) => {
  if (now.me?.id !== before.me?.id && before.phase !== 'restoring') queries.clear()
})

restore()
followOtherTabs()

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
