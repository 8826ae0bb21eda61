import { useTranslation } from 'react-i18next'
import type { Status } from '../api/types'

const LOOKS: Record<Status, string> = {
  draft: 'bg-sunken text-ink',
  processing: 'bg-accent-soft text-accent',
  pending_review: 'bg-warn-soft text-warn',
  published: 'bg-good-soft text-good',
  rejected: 'bg-bad-soft text-bad',
  archived: 'bg-sunken text-muted',
  deleted: 'bg-sunken text-muted',
}

export function StatusBadge({ status }: { status: Status }) {
  const { t } = useTranslation()
  return (
    <span
      className={`inline-flex items-center rounded-full px-2.5 py-0.5 text-sm font-medium whitespace-nowrap ${LOOKS[status]}`}
    >
      {t(`status.${status}`)}
    </span>
  )
}
