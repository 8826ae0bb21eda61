import { lazy, Suspense, useCallback, useEffect, useState, type ReactNode } from 'react'
import { Contained } from '../app/contained'
import { part } from '../app/part'
import { useLeaving } from '../drafts/guard'
import { useLocation } from '../app/navigation'
import { usesAllWidth } from '../app/places'
import { useTranslation } from '../i18n/setup'
import { Loading } from '../parts/page'
import { useSession } from '../session/store'
import { AgreementsBanner } from './agreements'
import { Away } from './away'
import { BottomBar, Header } from './header'
import { MaintenanceBanner } from './maintenance'

const loadSignInAgain = () => import('../features/account/sign-in-again')
const SignInAgain = lazy(async () => ({ default: (await loadSignInAgain()).SignInAgain }))
const Palette = part(async () => (await import('../features/palette/palette')).Palette)
const Leave = lazy(async () => ({ default: (await import('./leave')).Leave }))

/** A moment after signing in: when the dialog is needed the server may be away. */
const PRELOAD_MS = 3_000

/** What is around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  const { pathname } = useLocation()
  const ended = useSession((session) => session.ended)
  const signedIn = useSession((session) => session.phase === 'signed-in')
  const [commands, setCommands] = useState(false)
  const closeCommands = useCallback(() => setCommands(false), [])
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      if (event.key !== 'k' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return
      // Over another dialog there is nothing to go to before that is answered.
      if (document.querySelector('dialog[open]')) return
      event.preventDefault()
      setCommands(true)
    }
    addEventListener('keydown', open)
    return () => removeEventListener('keydown', open)
  }, [])
  const leaving = useLeaving(({ leaving }) => leaving !== undefined)
  useEffect(() => {
    if (!signedIn) return
    const timer = setTimeout(() => void loadSignInAgain().catch(() => {}), PRELOAD_MS)
    return () => clearTimeout(timer)
  }, [signedIn])
  return (
    <>
      <a
        href="#main"
        className="sr-only z-20 rounded-lg bg-accent px-4 py-3 font-medium text-on-accent focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
      >
        {t('site.skip')}
      </a>
      <Header />
      <MaintenanceBanner />
      <AgreementsBanner />
      <Away />
      <main id="main" tabIndex={-1} className="flex-1">
        <Contained fallback={<Loading />}>{children}</Contained>
      </main>
      <footer className="border-t border-line">
        <div
          className={`mx-auto flex flex-wrap justify-between gap-x-8 gap-y-2 px-4 py-6 text-sm text-muted sm:px-6 ${usesAllWidth(pathname) ? '' : 'max-w-6xl'}`}
        >
          <p>{t('site.footer')}</p>
          <a href="/docs" className="underline hover:text-accent">
            {t('site.apiDocs')}
          </a>
        </div>
      </footer>
      <BottomBar />
      {commands && <Palette onClose={closeCommands} />}
      <Suspense>
        {ended && <SignInAgain />}
        {leaving && <Leave />}
      </Suspense>
    </>
  )
}
