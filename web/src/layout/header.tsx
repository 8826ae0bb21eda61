import { useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, NavLink, useLocation, useNavigate } from 'react-router'
import { setLanguage, useLanguage } from '../i18n/setup'
import { Icon } from '../parts/icon'
import { signOut } from '../session/session'
import { useRight, useSession } from '../session/store'

export function Header() {
  const { t } = useTranslation()
  const { key } = useLocation()
  const [open, setOpen] = useState(false)
  // Whoever has followed a link is done with the menu.
  useEffect(() => () => setOpen(false), [key])
  useEffect(() => {
    if (!open) return
    const close = (event: KeyboardEvent) => event.key === 'Escape' && setOpen(false)
    addEventListener('keydown', close)
    return () => removeEventListener('keydown', close)
  }, [open])
  return (
    <header className="border-b border-line bg-surface">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-2 px-4 sm:px-6 lg:flex-nowrap">
        <Link to="/" className="mr-auto flex min-h-14 items-center gap-2.5 text-lg font-semibold lg:mr-4">
          <img src="/favicon.svg" alt="" width={28} height={28} />
          {t('site.name')}
        </Link>
        <button
          type="button"
          aria-expanded={open}
          aria-controls="menu"
          onClick={() => setOpen(!open)}
          className="flex min-h-11 items-center gap-2 rounded-lg px-3 font-medium lg:hidden"
        >
          <Icon name={open ? 'cross' : 'menu'} />
          {t('site.menu')}
        </button>
        <div
          id="menu"
          className={`${open ? 'flex' : 'hidden'} w-full flex-col gap-1 pb-3 lg:flex lg:w-auto lg:flex-1 lg:flex-row lg:items-center lg:pb-0`}
        >
          <nav
            aria-label={t('site.mainNavigation')}
            className="flex flex-col gap-1 lg:flex-1 lg:flex-row lg:items-center"
          >
            <Places />
          </nav>
          <div className="flex flex-col gap-1 border-t border-line pt-1 lg:flex-row lg:items-center lg:border-0 lg:pt-0">
            <Person />
            <LanguageButton />
          </div>
        </div>
      </div>
    </header>
  )
}

const ITEM = 'flex min-h-11 items-center rounded-lg px-3 font-medium hover:bg-sunken text-left'

function Place({ to, end, children }: { to: string; end?: boolean; children: ReactNode }) {
  return (
    <NavLink
      to={to}
      end={end}
      className={({ isActive }) => `${ITEM} ${isActive ? 'text-accent' : 'text-ink'}`}
    >
      {children}
    </NavLink>
  )
}

function Places() {
  const { t } = useTranslation()
  const moderates = useRight('moderation:decide')
  const administers = useRight('users:manage')
  const signedIn = useSession((session) => session.phase === 'signed-in')
  return (
    <>
      <Place to="/" end>
        {t('nav.catalogue')}
      </Place>
      {signedIn && <Place to="/favourites">{t('nav.kept')}</Place>}
      {signedIn && <Place to="/studio">{t('nav.studio')}</Place>}
      {moderates && <Place to="/moderation">{t('nav.moderation')}</Place>}
      {administers && <Place to="/operations/users">{t('nav.users')}</Place>}
    </>
  )
}

function Person() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const { phase, me } = useSession()
  // Neither the one nor the other for the moment it takes to know.
  if (phase === 'restoring') return null
  if (!me) {
    return (
      <>
        <Place to="/login">{t('nav.login')}</Place>
        <Place to="/register">{t('nav.register')}</Place>
      </>
    )
  }
  return (
    <>
      <NavLink
        to="/account"
        className={({ isActive }) => `${ITEM} gap-2 ${isActive ? 'text-accent' : 'text-ink'}`}
      >
        <Icon name="person" />
        <span className="sr-only">{t('nav.account')}: </span>
        <span className="truncate lg:max-w-40">{me.name}</span>
      </NavLink>
      <button
        type="button"
        className={`${ITEM} text-muted`}
        onClick={() => {
          // Out of this page first: it may not be for guests.
          void navigate('/')
          signOut().catch(() => {})
        }}
      >
        {t('nav.logout')}
      </button>
    </>
  )
}

function LanguageButton() {
  const { t } = useTranslation()
  const other = useLanguage() === 'de' ? 'en' : 'de'
  return (
    <button type="button" lang={other} onClick={() => setLanguage(other)} className={`${ITEM} text-muted`}>
      {t('site.otherLanguage')}
    </button>
  )
}
