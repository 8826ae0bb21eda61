import { createBrowserRouter } from 'react-router'
import { Crash } from './layout/crash'
import { RequireRight, RequireSession } from './layout/guard'
import { Shell } from './layout/shell'
import * as catalogue from './pages/catalogue'
import { Loading } from './parts/page'

/** Every address of the site. Only the first page people open comes with the program; the others load when needed. */
export const router = createBrowserRouter([
  {
    Component: Shell,
    ErrorBoundary: Crash,
    children: [
      {
        HydrateFallback: Loading,
        children: [
          { path: '/', Component: catalogue.Component },
          { path: '/nanos/:id', lazy: () => import('./pages/nano') },
          { path: '/shared-lists/:secret', lazy: () => import('./features/collections/shared-list') },
          { path: '/login', lazy: () => import('./features/account/login') },
          { path: '/register', lazy: () => import('./features/account/register') },
          { path: '/verify-email', lazy: () => import('./features/account/verify-email') },
          { path: '/forgot-password', lazy: () => import('./features/account/forgot-password') },
          { path: '/reset-password', lazy: () => import('./features/account/reset-password') },
          {
            Component: RequireSession,
            children: [
              { path: '/confirm-email', lazy: () => import('./features/account/confirm-email') },
              { path: '/account', lazy: () => import('./features/account/profile') },
              { path: '/account/security', lazy: () => import('./features/account/security') },
              { path: '/account/agreements', lazy: () => import('./features/account/agreements') },
              { path: '/account/tokens', lazy: () => import('./features/account/tokens') },
              { path: '/favourites', lazy: () => import('./features/collections/favourites') },
              { path: '/lists', lazy: () => import('./features/collections/lists') },
              { path: '/lists/:id', lazy: () => import('./features/collections/list') },
              { path: '/creator', lazy: () => import('./pages/creator') },
            ],
          },
          {
            element: <RequireRight right="nanos:create" otherwise="/creator" />,
            children: [
              { path: '/studio', lazy: () => import('./pages/studio') },
              { path: '/studio/new', lazy: () => import('./pages/studio-new') },
              { path: '/studio/nanos/:id', lazy: () => import('./pages/studio-nano') },
              { path: '/studio/nanos/:id/edit', lazy: () => import('./pages/studio-edit') },
            ],
          },
          {
            element: <RequireRight right="moderation:decide" />,
            children: [{ path: '/moderation', lazy: () => import('./pages/moderation') }],
          },
          {
            element: <RequireRight right="users:manage" />,
            children: [
              { path: '/operations/users', lazy: () => import('./features/users/list') },
              { path: '/operations/users/:id', lazy: () => import('./features/users/detail') },
            ],
          },
          { path: '*', lazy: () => import('./pages/missing') },
        ],
      },
    ],
  },
])
