import { useEffect, useRef, type FormEvent } from 'react'
import { Link, NavLink, useLocation, useNavigate, useSearchParams } from '../app/navigation'
import { PLACES, usesAllWidth } from '../app/places'
import { part } from '../app/part'
import { SCHEMES, setScheme, useScheme } from '../app/theme'
import { leaveBy } from '../drafts/guard'
import { setLanguage, useLanguage, useTranslation } from '../i18n/setup'
import { Icon } from '../parts/icon'
import { onTheWay } from '../session/next'
import { signOut } from '../session/session'
import { useSession } from '../session/store'
import { Avatar } from '../ui/avatar'
import { Menu, MENU_ITEM } from '../ui/menu'
import { Segments } from '../ui/segments'

// It comes after the page.
const ToMessages = part(
  async () => (await import('../features/chat/doors')).ToMessages,
  <span className="size-11" />,
)

/** Places that the person may go to. */
function usePlaces() {
  const rights = useSession(({ me }) => me?.permissions)
  return PLACES.filter(({ access }) => !access || (access === 'session' ? rights : rights?.includes(access)))
}

export function Header() {
  const { t } = useTranslation()
  const places = usePlaces()
  const { pathname } = useLocation()
  return (
    <header className="sticky top-0 z-10 border-b border-line bg-surface">
      <div
        className={`mx-auto flex min-h-15 items-center gap-x-3 px-4 sm:px-6 ${usesAllWidth(pathname) ? '' : 'max-w-6xl'}`}
      >
        <Link to="/" className="flex min-h-11 items-center gap-2.5 text-lg font-bold tracking-tight">
          <img src="/favicon.svg" alt="" width={30} height={30} />
          <span className="max-[26rem]:sr-only">{t('site.name')}</span>
        </Link>
        <nav aria-label={t('site.mainNavigation')} className="hidden items-center gap-1 md:flex">
          {places.map(({ to, title }) => (
            <NavLink
              key={to}
              to={to}
              end={to === '/'}
              className={({ isActive }) =>
                `flex min-h-11 items-center rounded-md px-3 font-medium ${isActive ? 'bg-sunken' : 'hover:bg-sunken'}`
              }
            >
              {t(title)}
            </NavLink>
          ))}
        </nav>
        <Search />
        <Person />
      </div>
    </header>
  )
}

/** On narrow screens, within reach of the thumb; with one place there is nothing to choose. */
export function BottomBar() {
  const { t } = useTranslation()
  const places = usePlaces()
  if (places.length < 2) return null
  // Five long words side by side on the narrowest screens.
  const size = places.length < 5 ? 'text-sm' : 'text-xs'
  return (
    <nav
      aria-label={t('site.mainNavigation')}
      className="sticky bottom-0 z-10 flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {places.map(({ to, title, icon }) => (
        <NavLink
          key={to}
          to={to}
          end={to === '/'}
          className={({ isActive }) =>
            `flex min-h-14 min-w-0 flex-1 flex-col items-center justify-center gap-0.5 ${size} ${isActive ? 'font-semibold text-accent' : 'text-muted'}`
          }
        >
          <Icon name={icon} />
          {t(title)}
        </NavLink>
      ))}
    </nav>
  )
}

/** Words to search for, from anywhere; `/` leads here. */
function Search() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const { pathname } = useLocation()
  const [params] = useSearchParams()
  const words = pathname === '/' ? (params.get('q') ?? '') : ''
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const jump = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest('input, textarea, select, [contenteditable], dialog')
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || typing) return
      event.preventDefault()
      field.current?.focus()
    }
    addEventListener('keydown', jump)
    return () => removeEventListener('keydown', jump)
  }, [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const q = field.current?.value.trim() ?? ''
    void navigate(q ? `/?${new URLSearchParams({ q })}` : '/')
  }
  return (
    <form role="search" onSubmit={submit} className="relative ml-auto min-w-0 flex-1 md:ml-2 md:max-w-md">
      <label>
        <span className="sr-only">{t('site.search')}</span>
        <Icon
          name="search"
          className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted"
        />
        <input
          key={words}
          ref={field}
          type="search"
          defaultValue={words}
          maxLength={200}
          aria-keyshortcuts="/"
          placeholder={t('site.searchHint')}
          className="min-h-11 w-full rounded-full border border-line bg-sunken pr-3 pl-9 text-[0.95rem] hover:border-edge"
        />
      </label>
    </form>
  )
}

function Person() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const { pathname, search } = useLocation()
  const { phase, me } = useSession()
  // Neither the one nor the other for the moment it takes to know.
  const known = phase !== 'restoring'
  return (
    <div className="ml-auto flex items-center gap-1">
      {known && !me && (
        <Link
          to={onTheWay(
            '/login',
            pathname === '/login' || pathname === '/register' ? null : pathname + search,
          )}
          className="flex min-h-11 items-center rounded-lg border border-line px-3 font-semibold whitespace-nowrap hover:border-accent hover:text-accent"
        >
          {t('nav.login')}
        </Link>
      )}
      {me && <ToMessages />}
      <Menu
        label={me ? `${t('site.menu')}: ${me.name}` : t('site.menu')}
        face={
          me ? (
            <Avatar name={me.name} />
          ) : (
            <span className="grid size-11 place-items-center">
              <Icon name="menu" />
            </span>
          )
        }
      >
        {me && (
          <div className="mb-1 border-b border-line pb-1">
            <p className="px-3 pt-1 font-semibold">{me.name}</p>
            <p className="px-3 pb-2 text-sm text-muted">{t(`role.${me.role}`)}</p>
            <Link to="/account" className={MENU_ITEM}>
              <Icon name="person" />
              {t('nav.account')}
            </Link>
            {me.role === 'consumer' && (
              <Link to="/creator" className={MENU_ITEM}>
                <Icon name="upload" />
                {t('nav.creator')}
              </Link>
            )}
          </div>
        )}
        {known && !me && (
          <Link to="/register" className={`${MENU_ITEM} mb-1`}>
            <Icon name="person" />
            {t('nav.register')}
          </Link>
        )}
        <Preferences />
        {me && (
          <button
            type="button"
            className={`${MENU_ITEM} mt-1 border-t border-line`}
            onClick={() =>
              leaveBy(() => {
                // Out of this page first: it may not be for guests.
                void navigate('/')
                signOut().catch(() => {})
              }, false)
            }
          >
            {t('nav.logout')}
          </button>
        )}
      </Menu>
    </div>
  )
}

function Preferences() {
  const { t } = useTranslation()
  return (
    <>
      <Segments
        label={t('site.language')}
        value={useLanguage()}
        options={[
          ['de', 'Deutsch'],
          ['en', 'English'],
        ]}
        onChange={setLanguage}
      />
      <Segments
        label={t('site.scheme')}
        value={useScheme()}
        options={SCHEMES.map((scheme) => [scheme, t(`site.schemes.${scheme}`)] as const)}
        onChange={setScheme}
      />
    </>
  )
}
