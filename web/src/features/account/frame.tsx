import type { ReactNode } from 'react'
import { Page } from '../../parts/page'
import { Sections } from '../../parts/sections'
import { useTexts } from './texts'

const SECTIONS = [
  ['profile', '/account'],
  ['notifications', '/account/notifications'],
  ['security', '/account/security'],
  ['tokens', '/account/tokens'],
  ['agreements', '/account/agreements'],
  ['data', '/account/data'],
] as const

/** A section of the account, with the way to the others. */
export function Frame({ section, children }: { section: (typeof SECTIONS)[number][0]; children: ReactNode }) {
  const { t } = useTexts()
  return (
    <Page title={t(`sections.${section}`)} narrow>
      <Sections
        label={t('sections.label')}
        sections={SECTIONS.map(([name, path]) => ({ name, path, text: t(`sections.${name}`) }))}
      />
      <div className="space-y-6">{children}</div>
    </Page>
  )
}
