import { Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { ScrollRestoration, useNavigation } from 'react-router'
import { Loading } from '../parts/page'
import { AgreementsBanner } from './agreements'
import { RequireSecondFactor } from './guard'
import { Header } from './header'
import { MaintenanceBanner } from './maintenance'

/** What is around every page. */
export function Shell() {
  const { t } = useTranslation()
  const loading = useNavigation().state === 'loading'
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
      <main id="main" tabIndex={-1} aria-busy={loading} className="flex-1">
        <Suspense fallback={<Loading />}>
          <RequireSecondFactor />
        </Suspense>
      </main>
      <footer className="border-t border-line">
        <div className="mx-auto flex max-w-6xl flex-wrap justify-between gap-x-8 gap-y-2 px-4 py-6 text-sm text-muted sm:px-6">
          <p>{t('site.footer')}</p>
          <a href="/docs" className="underline hover:text-accent">
            {t('site.apiDocs')}
          </a>
        </div>
      </footer>
      <ScrollRestoration />
    </>
  )
}
