import { Link } from 'react-router'
import { ButtonLink } from '../../parts/button'
import { Notice } from '../../parts/notice'
import { inside, keptNext, onTheWay } from '../../session/next'
import { reload } from '../../session/session'
import { useMe, useSession } from '../../session/store'
import { verifyEmail } from './api'
import { AskLink } from './ask-link'
import { FollowLink } from './follow-link'
import { useTexts } from './texts'

/** Where the link in the verification mail leads. */
export function Component() {
  const { t } = useTexts()
  const me = useMe()
  const next = keptNext()
  return (
    <FollowLink
      kind="verify"
      follow={async (token) => {
        await verifyEmail(token)
        // Sessions of before end with it: reading oneself finds that out, also where one is only just being taken up.
        if (useSession.getState().phase !== 'anonymous') await reload().catch(() => undefined)
      }}
      done={
        <>
          <Notice tone="good" urgent>
            {t('link.verified')}
          </Notice>
          <ButtonLink look="primary" to={me ? inside(next) : onTheWay('/login', next)}>
            {me ? t('link.onward') : t('login.title')}
          </ButtonLink>
        </>
      }
      useless={
        <>
          {!me && (
            <p>
              {t('link.alreadyConfirmed')}{' '}
              <Link to={onTheWay('/login', next)} className="text-accent underline">
                {t('ask.toLogin')}
              </Link>
            </p>
          )}
          <p>{t('link.another')}</p>
          <AskLink link="verification" email={me?.email_verified === false ? me.email : undefined} />
        </>
      }
    />
  )
}
