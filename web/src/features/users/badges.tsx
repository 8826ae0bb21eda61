import { Badge } from '../../parts/badge'
import type { Role, UserStatus } from './api'
import { useTexts } from './texts'

const TONES = { active: 'good', inactive: 'plain', suspended: 'bad', deleted: 'plain' } as const

export function StatusBadge({ status }: { status: UserStatus }) {
  const { t } = useTexts()
  return <Badge tone={TONES[status]}>{t(`statuses.${status}`)}</Badge>
}

/** Those who may do something to others stand out. */
export function RoleBadge({ role }: { role: Role }) {
  const { t } = useTexts()
  const plain = role === 'consumer' || role === 'creator'
  return <Badge tone={plain ? 'plain' : 'accent'}>{t(`translation:role.${role}`)}</Badge>
}
