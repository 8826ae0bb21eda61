import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { ButtonLink } from '../../parts/button'
import { Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { Resend } from '../../parts/resend'
import { Rows } from '../../parts/rows'
import { useMe, useRight } from '../../session/store'
import { EmailSetting } from './email-setting'
import { Frame } from './frame'
import { PasswordSetting } from './password-setting'
import { ProfileSetting } from './profile-setting'
import { useTexts } from './texts'

/** Who one is here, with profile, address and password. */
export function Component() {
  const { t } = useTexts()
  const language = useLanguage()
  const me = useMe()
  const creates = useRight('nanos:create')
  if (!me) return null
  return (
    <Frame section="profile">
      {!me.email_verified && (
        <Notice tone="warn">
          <p className="mb-3">{t('profile.unverifiedText')}</p>
          <Resend email={me.email} />
        </Notice>
      )}
      <Panel>
        <Rows
          rows={[
            [t('fields.username'), me.username],
            [t('profile.role'), t(`translation:role.${me.role}`)],
            [t('profile.since'), date(me.created_at, language)],
          ]}
        />
        {!creates && (
          <p className="mt-6">
            <ButtonLink look="primary" to="/creator">
              {t('translation:terms.title')}
            </ButtonLink>
          </p>
        )}
      </Panel>
      <ProfileSetting me={me} />
      <EmailSetting me={me} />
      <PasswordSetting me={me} />
    </Frame>
  )
}
