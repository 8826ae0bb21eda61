import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, useLocation } from 'react-router'
import { consents } from '../features/account/api'
import { Notice } from '../parts/notice'
import { onTheWay } from '../session/next'
import { useSession } from '../session/store'

const PAGE = '/account/agreements'

/** Says on every page that a text waits for agreement: until then its reader changes nothing. */
export function AgreementsBanner() {
  const { t } = useTranslation()
  const signedIn = useSession((session) => session.phase === 'signed-in')
  const { pathname, search } = useLocation()
  const { data } = useQuery({ ...consents, enabled: signedIn })
  const missing = signedIn && data?.some((consent) => consent.required && !consent.given)
  if (!missing || pathname === PAGE) return null
  return (
    <div className="mx-auto w-full max-w-6xl px-4 pt-4 sm:px-6">
      <Notice tone="warn">
        <p className="font-medium">{t('site.agreements')}</p>
        <p>
          <Link to={onTheWay(PAGE, pathname + search)} className="underline">
            {t('site.toAgreements')}
          </Link>
        </p>
      </Notice>
    </div>
  )
}
