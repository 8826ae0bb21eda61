import { lazy, type ComponentType } from 'react'
import { match } from './app/match'
import type { Access } from './session/store'
import * as catalogue from './pages/catalogue'

interface Page {
  Component: ComponentType
}

export interface Route {
  path: string
  /** Who may see it: everybody, signed-in people, or those with a right. */
  access?: Access
  Component: ComponentType
  /** Begins to load it. */
  load: () => Promise<unknown>
}

const route = (path: string, load: () => Promise<Page>, access?: Route['access']): Route => ({
  path,
  access,
  Component: lazy(async () => ({ default: (await load()).Component })),
  load,
})

/** Every address of the site. Only the first page people open comes with the program; the others load when needed. */
export const routes: readonly Route[] = [
  { path: '/', Component: catalogue.Component, load: () => Promise.resolve() },
  route('/nanos/:id', () => import('./pages/nano')),
  route('/shared-lists/:secret', () => import('./features/collections/shared-list')),
  route('/login', () => import('./features/account/login')),
  route('/register', () => import('./features/account/register')),
  route('/verify-email', () => import('./features/account/verify-email')),
  route('/forgot-password', () => import('./features/account/forgot-password')),
  route('/reset-password', () => import('./features/account/reset-password')),
  route('/confirm-email', () => import('./features/account/confirm-email'), 'session'),
  route('/account', () => import('./features/account/profile'), 'session'),
  route('/account/notifications', () => import('./features/account/notifications'), 'session'),
  route('/account/security', () => import('./features/account/security'), 'session'),
  route('/account/agreements', () => import('./features/account/agreements'), 'session'),
  route('/account/tokens', () => import('./features/account/tokens'), 'session'),
  route('/account/data', () => import('./features/account/data'), 'session'),
  route('/favourites', () => import('./features/collections/favourites'), 'session'),
  route('/lists', () => import('./features/collections/lists'), 'session'),
  route('/lists/:id', () => import('./features/collections/list'), 'session'),
  route('/chats', () => import('./features/chat/list'), 'session'),
  route('/chats/:id', () => import('./features/chat/chat'), 'session'),
  route('/creator', () => import('./pages/creator'), 'session'),
  route('/studio', () => import('./pages/studio'), 'nanos:create'),
  route('/studio/new', () => import('./pages/studio-new'), 'nanos:create'),
  route('/studio/nanos/:id', () => import('./pages/studio-nano'), 'nanos:create'),
  route('/studio/nanos/:id/edit', () => import('./pages/studio-edit'), 'nanos:create'),
  route('/moderation', () => import('./pages/moderation'), 'moderation:decide'),
  route('/moderation/reports', () => import('./features/moderation/reports'), 'moderation:decide'),
  route('/operations', () => import('./features/operations/overview'), 'jobs:read'),
  route('/operations/jobs', () => import('./features/operations/jobs'), 'jobs:read'),
  route('/operations/jobs/:id', () => import('./features/operations/job'), 'jobs:read'),
  route('/operations/errors', () => import('./features/operations/errors'), 'jobs:read'),
  route('/operations/quarantine', () => import('./features/operations/quarantine'), 'jobs:read'),
  route('/operations/queues', () => import('./features/operations/queues'), 'jobs:read'),
  route('/operations/workers', () => import('./features/operations/workers'), 'jobs:read'),
  route('/operations/schedules', () => import('./features/operations/schedules'), 'jobs:read'),
  route('/operations/bulk', () => import('./features/operations/bulk'), 'jobs:read'),
  route('/operations/mails', () => import('./features/operations/mails'), 'jobs:read'),
  route('/operations/maintenance', () => import('./features/operations/maintenance'), 'jobs:read'),
  route('/operations/audit', () => import('./features/operations/audit'), 'audit:read'),
  route('/operations/users', () => import('./features/users/list'), 'users:manage'),
  route('/operations/users/:id', () => import('./features/users/detail'), 'users:manage'),
  // Everything that pages are made of; not in what is published.
  ...(import.meta.env.DEV ? [route('/kit', () => import('./features/kit/page'))] : []),
]

const missing = route('', () => import('./pages/missing'))

/** The page of an address, with the parts that have a name. */
export function find(pathname: string): { route: Route; params: Record<string, string> } {
  for (const route of routes) {
    const params = match(route.path, pathname)
    if (params) return { route, params }
  }
  return { route: missing, params: {} }
}

/** Begins to load the page of an address; whether that works shows when it is opened. */
export const preload = (pathname: string) =>
  void find(pathname)
    .route.load()
    .catch(() => {})
