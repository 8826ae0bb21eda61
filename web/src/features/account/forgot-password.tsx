import { useEffect } from 'react'
import { Link, useSearchParams } from 'react-router'
import { Page, Panel } from '../../parts/page'
import { keepNext, onTheWay } from '../../session/next'
import { AskLink } from './ask-link'
import { useTexts } from './texts'

/** Asks for a link by which a forgotten password is set anew. */
export function Component() {
  const { t } = useTexts()
  const [params] = useSearchParams()
  const next = params.get('next')
  useEffect(() => keepNext(next), [next])
  return (
    <Page title={t('forgot.title')} narrow>
      <Panel>
        <p className="mb-5">{t('forgot.lead')}</p>
        <AskLink link="reset" />
      </Panel>
      <p className="mt-6 text-center">
        <Link to={onTheWay('/login', next)} className="text-accent underline">
          {t('ask.toLogin')}
        </Link>
      </p>
    </Page>
  )
}
