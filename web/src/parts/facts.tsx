import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { levelWord } from '../api/choices'
import type { Nano } from '../api/types'
import { count, languageName } from '../format'
import { useLanguage } from '../i18n/setup'
import { Icon, type IconName } from './icon'

/** Duration, level, language and format in a line. */
export function Facts({ nano }: { nano: Nano }) {
  const { t } = useTranslation()
  const language = useLanguage()
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
      <Fact icon="clock">{t('nano.minutesShort', { count: nano.duration_minutes })}</Fact>
      <Fact icon="level">{t(`level.${levelWord(nano.level)}`)}</Fact>
      <Fact icon={nano.format}>{t(`format.${nano.format}`)}</Fact>
      <li>{languageName(nano.language, language)}</li>
      {nano.rating_count > 0 && (
        <Fact icon="star">
          <span aria-hidden="true">{count(nano.average_rating, language)}</span>
          <span className="sr-only">
            {t('nano.rated', { average: count(nano.average_rating, language), count: nano.rating_count })}
          </span>
        </Fact>
      )}
    </ul>
  )
}

function Fact({ icon, children }: { icon: IconName; children: ReactNode }) {
  return (
    <li className="flex items-center gap-1.5">
      <Icon name={icon} className="size-4" />
      {children}
    </li>
  )
}
