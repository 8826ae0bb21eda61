import type { Rating } from './api'
import { useTexts } from './texts'

type Part = 'comment' | 'reply'

const waiting = (rating: Rating, part: Part) => rating.pending?.find((words) => words.part === part)

/** What its writer has said last, whether others read it yet or not. */
export const wordsOf = (rating: Rating, part: Part) => waiting(rating, part)?.text ?? rating[part]

/** Words that are not public yet, for those who may see them. */
export function Pending({ rating, part }: { rating: Rating; part: Part }) {
  const { t } = useTexts()
  const words = waiting(rating, part)
  if (!words) return null
  return (
    <div className="border-l-4 border-line pl-4">
      <p className="text-sm text-muted">{t(`pending.${part}`)}</p>
      <p className="whitespace-pre-line">{words.text}</p>
      {words.findings != null && <p className="text-sm text-warn">{t('held')}</p>}
    </div>
  )
}
