import { useTranslation } from 'react-i18next'
import type { Status } from '../api/types'
import { Badge } from './badge'

const TONES = {
  draft: 'plain',
  processing: 'accent',
  pending_review: 'warn',
  published: 'good',
  rejected: 'bad',
  archived: 'plain',
  deleted: 'plain',
} as const

export function StatusBadge({ status }: { status: Status }) {
  const { t } = useTranslation()
  return <Badge tone={TONES[status]}>{t(`status.${status}`)}</Badge>
}
