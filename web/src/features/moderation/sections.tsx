import { Sections } from '../../parts/sections'
import { useTexts } from './texts'

/** What moderators decide about. */
export function ModerationSections() {
  const { t } = useTexts()
  return (
    <Sections
      label={t('moderation.title')}
      sections={[
        { name: 'cases', path: '/moderation', text: t('moderation.sections.cases') },
        { name: 'reports', path: '/moderation/reports', text: t('moderation.sections.reports') },
      ]}
    />
  )
}
