import { useTranslation } from 'react-i18next'
import { Navigate, Outlet, useLocation } from 'react-router'
import { Empty, Loading, Page } from '../parts/page'
import { onTheWay } from '../session/next'
import { useRight, useSession, type Permission } from '../session/store'

/** Pages for signed-in people; others sign in first and come back. */
export function RequireSession() {
  const phase = useSession((session) => session.phase)
  const { pathname, search } = useLocation()
  if (phase === 'restoring') return <Loading />
  if (phase === 'anonymous') {
    return <Navigate to={onTheWay('/login', pathname + search)} replace />
  }
  return <Outlet />
}

/** Whoever has to have a second factor first is led to where it is set up, and from there on to where they wanted to go. */
export function RequireSecondFactor() {
  const lacking = useSession((session) => session.lacksSecondFactor)
  const { pathname, search } = useLocation()
  if (!lacking || pathname.startsWith('/account') || pathname === '/confirm-email') return <Outlet />
  return <Navigate to={onTheWay('/account/security', pathname + search)} replace />
}

/** Pages for people with a right; `otherwise` is where those without it can get it. */
export function RequireRight({ right, otherwise }: { right: Permission; otherwise?: string }) {
  const { t } = useTranslation()
  const { phase, me } = useSession()
  const allowed = useRight(right)
  if (phase !== 'signed-in' || !me) return <RequireSession />
  if (allowed) return <Outlet />
  if (otherwise) return <Navigate to={otherwise} replace />
  return (
    <Page title={t('common.forbidden')} narrow>
      <Empty title={me.name} text={t(`role.${me.role}`)} />
    </Page>
  )
}
