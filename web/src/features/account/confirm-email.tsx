import { ButtonLink } from '../../parts/button'
import { Notice } from '../../parts/notice'
import { reload } from '../../session/session'
import { confirmEmail } from './api'
import { FollowLink } from './follow-link'
import { useTexts } from './texts'

/** Where the link to a new address leads, for whoever is signed in to the account that asked for it. */
export function Component() {
  const { t } = useTexts()
  const toAccount = (
    <ButtonLink look="primary" to="/account">
      {t('link.toAccount')}
    </ButtonLink>
  )
  return (
    <FollowLink
      kind="confirm"
      follow={async (token) => {
        await confirmEmail(token)
        await reload().catch(() => undefined)
      }}
      done={
        <>
          <Notice tone="good" urgent>
            {t('link.changed')}
          </Notice>
          {toAccount}
        </>
      }
      useless={
        <>
          <p>{t('link.otherAccount')}</p>
          {toAccount}
        </>
      }
    />
  )
}
