import { lazy, Suspense, useEffect, type ReactNode } from 'react'
import { Contained } from '../app/contained'
import { useLeaving } from '../drafts/guard'
import { useTranslation } from '../i18n/setup'
import { Loading } from '../parts/page'
import { useSession } from '../session/store'
import { AgreementsBanner } from './agreements'
import { Away } from './away'
import { BottomBar, Header } from './header'
import { MaintenanceBanner } from './maintenance'

const loadSignInAgain = () => import('../features/account/sign-in-again')
const SignInAgain = lazy(async () => ({ default: (await loadSignInAgain()).SignInAgain }))
const Leave = lazy(async () => ({ default: (await import('./leave')).Leave }))

/** A moment after signing in: when the dialog is needed the server may be away. */
const PRELOAD_MS = 3_000

/** What is around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  const ended = useSession((session) => session.ended)
  const signedIn = useSession((session) => session.phase === 'signed-in')
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
        <div className="mx-auto flex max-w-6xl flex-wrap justify-between gap-x-8 gap-y-2 px-4 py-6 text-sm text-muted sm:px-6">
          <p>{t('site.footer')}</p>
          <a href="/docs" className="underline hover:text-accent">
            {t('site.apiDocs')}
          </a>
        </div>
      </footer>
      <BottomBar />
      <Suspense>
        {ended && <SignInAgain />}
        {leaving && <Leave />}
      </Suspense>
    </>
  )
}
