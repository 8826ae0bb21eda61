import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useParams } from '../../app/navigation'
import { describe } from '../../api/failure'
import { dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { useFocusAfter } from '../../parts/focus'
import { FailureNotice, Notice } from '../../parts/notice'
import { Empty, Loading, Panel } from '../../parts/page'
import { auditAt } from '../operations/audit-filter'
import { Frame } from '../operations/frame'
import { Rows } from '../../parts/rows'
import { useMe, useRight } from '../../session/store'
import { Actions } from './actions'
import { user as userQuery, type User } from './api'
import { RoleBadge, StatusBadge } from './badges'
import { useTexts } from './texts'

/** One account, and what can be done to it. */
export function Component() {
  const { t } = useTexts()
  const { id = '' } = useParams()
  const audits = useRight('audit:read')
  const { data, error, refetch } = useQuery(userQuery(id))
  if (!data && !error) return <Loading />
  const gone = !data && describe(error).code === 'NOT_FOUND'
  return (
    <Frame title={data?.name ?? t('title')}>
      <p className="-mt-2 mb-4">
        <Link to="/operations/users" className="text-accent underline">
          {t('back')}
        </Link>
        {data && audits && (
          <Link to={auditAt({ user_id: id })} className="ml-4 text-accent underline">
            {t('audit')}
          </Link>
        )}
      </p>
      {data && <Account user={data} />}
      {gone && <Empty title={t('gone')} text={t('goneText')} />}
      {!data && !gone && <FailureNotice error={error} retry={() => void refetch()} />}
    </Frame>
  )
}

function Account({ user }: { user: User }) {
  const { t } = useTexts()
  const language = useLanguage()
  const queries = useQueryClient()
  const own = useMe()?.id === user.id
  const [said, setSaid] = useState('')
  const status = useFocusAfter<HTMLDivElement>(said)
  const { suspension_reason: reason } = user
  return (
    <div className="space-y-6">
      <div ref={status} tabIndex={-1} role="status" className="outline-none">
        {said && <Notice tone="good">{said}</Notice>}
      </div>
      {user.status === 'suspended' && (
        <Notice tone="bad" urgent={false}>
          {reason ? t('suspendedFor', { reason }) : t('suspended')}
        </Notice>
      )}
      <Panel>
        <Rows
          rows={[
            [
              t('fields.email'),
              `${user.email} (${user.email_verified ? t('fields.verified') : t('fields.unverified')})`,
            ],
            [t('fields.username'), user.username],
            [t('role'), <RoleBadge key="role" role={user.role} />],
            [t('status'), <StatusBadge key="status" status={user.status} />],
            [t('fields.secondFactor'), user.second_factor ? t('fields.on') : t('fields.off')],
            [t('fields.created'), dateTime(user.created_at, language)],
            [
              t('fields.lastLogin'),
              user.last_login_at ? dateTime(user.last_login_at, language) : t('fields.never'),
            ],
          ]}
        />
      </Panel>
      {user.status !== 'deleted' && (
        <Panel title={t('actions')}>
          <Actions
            user={user}
            own={own}
            onDone={(fresh, words) => {
              queries.setQueryData(userQuery(user.id).queryKey, fresh)
              void queries.invalidateQueries({ queryKey: ['users', 'list'] })
              setSaid(words)
            }}
          />
        </Panel>
      )}
    </div>
  )
}
