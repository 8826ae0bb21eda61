import { Link } from '../../app/navigation'
import { ButtonLink } from '../../parts/button'
import { Notice } from '../../parts/notice'
import { inside, keptNext, onTheWay } from '../../session/next'
import { look } from '../../session/session'
import { useMe } from '../../session/store'
import { verifyEmail } from './api'
import { AskLink } from './ask-link'
import { FollowLink } from './follow-link'
import { useEntryTexts } from './entry-texts'

/** Where the link in the verification mail leads. */
export function Component() {
  const { t } = useEntryTexts()
  const me = useMe()
  const next = keptNext()
  return (
    <FollowLink
      kind="verify"
      follow={async (token) => {
        await verifyEmail(token)
        // Sessions of before end with it: reading oneself finds that out, also where one is only just being taken up.
        await look()
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
      settled={
        me?.email_verified && (
          <>
            <Notice tone="good" urgent>
              {t('link.verifiedBefore')}
            </Notice>
            <ButtonLink look="primary" to={inside(next)}>
              {t('link.onward')}
            </ButtonLink>
          </>
        )
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
