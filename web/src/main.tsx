import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { askNow, watchServer } from './api/connection'
import { isAway, isPassing } from './api/failure'
import { History } from './app/history'
import { Navigation, useLocation, WithParams } from './app/navigation'
import { Scrolling } from './app/scroll'
import { followScheme } from './app/theme'
import { language } from './i18n/language'
import './index.css'
import { Guard } from './layout/guard'
import { Shell } from './layout/shell'
import { find, preload } from './routes'
import { followOtherTabs, guest, restore, resume } from './session/session'
import { useSession } from './session/store'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // A server that is away is watched as a whole; see `watchServer`.
      retry: (failures, error) => failures < 2 && isPassing(error) && !isAway(error),
      networkMode: 'always',
    },
    // Without a network it fails, and says so, instead of waiting in silence.
    mutations: { networkMode: 'always' },
  },
})

// What one person may see must not be shown to the next.
useSession.subscribe((now, before) => {
  if (now.me?.id !== before.me?.id && before.phase !== 'restoring') queries.clear()
})

watchServer({
  ask: async () => {
    await guest.get('/maintenance')
    return true
  },
  back: () => {
    void resume()
    void queries.invalidateQueries()
  },
})
addEventListener('online', askNow)

/** The page of the address, for whom it is for. */
function Page() {
  const { route, params } = find(useLocation().pathname)
  return (
    <Guard access={route.access}>
      <WithParams params={params}>
        <route.Component key={route.path} />
      </WithParams>
    </Guard>
  )
}

const history = new History()
document.documentElement.lang = language()
followScheme()
restore()
followOtherTabs()

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Navigation history={history} preload={preload}>
        <Scrolling />
        <Shell>
          <Page />
        </Shell>
      </Navigation>
    </QueryClientProvider>
  </StrictMode>,
)
