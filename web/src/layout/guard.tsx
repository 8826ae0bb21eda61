import { Navigate, useLocation } from '../app/navigation'
import type { ReactNode } from 'react'
import { useTranslation } from '../i18n/setup'
import { ButtonLink } from '../parts/button'
import { Empty, Loading, Page } from '../parts/page'
import { onTheWay } from '../session/next'
import { useSession, type Access, type Permission } from '../session/store'

interface GuardProps {
  /** Who may see what is inside; without it everybody. */
  access?: Access
  children: ReactNode
}

/** Others sign in first and come back, can get the right, or are told which one they lack. */
export function Guard({ access, children }: GuardProps) {
  const { phase, me, lacksSecondFactor } = useSession()
  const { pathname, search } = useLocation()
  // The API serves them nothing else; from there on they get to where they wanted to go.
  const settingUp = pathname.startsWith('/account') || pathname === '/confirm-email'
  if (lacksSecondFactor && !settingUp) {
    return <Navigate to={onTheWay('/account/security', pathname + search)} replace />
  }
  if (!access) return children
  if (phase === 'restoring') return <Loading />
  if (!me) return <Navigate to={onTheWay('/login', pathname + search)} replace />
  if (access === 'session' || me.permissions.includes(access)) return children
  if (access === 'nanos:create' && me.role === 'consumer') return <Navigate to="/creator" replace />
  return <Forbidden right={access} />
}

/** Which right a page takes, and who can give it. */
export function Forbidden({ right }: { right: Permission }) {
  const { t } = useTranslation()
  const role = useSession(({ me }) => me?.role ?? 'consumer')
  return (
    <Page title={t('forbidden.title')} narrow>
      <Empty
        title={t(`forbidden.needs.${right.replace(':', '_') as 'jobs_read'}`)}
        text={t('forbidden.text', { role: t(`role.${role}`) })}
      >
        <ButtonLink to="/">{t('missing.home')}</ButtonLink>
      </Empty>
    </Page>
  )
}
