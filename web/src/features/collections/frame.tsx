import type { ReactNode } from 'react'
import { Page } from '../../parts/page'
import { Sections } from '../../parts/sections'
import { useTexts } from './texts'

const SECTIONS = [
  ['favourites', '/favourites'],
  ['lists', '/lists'],
] as const

/** What somebody keeps, with the way to the other half. */
export function Frame({ section, children }: { section: (typeof SECTIONS)[number][0]; children: ReactNode }) {
  const { t } = useTexts()
  return (
    <Page title={t(`sections.${section}`)}>
      <Sections
        label={t('sections.label')}
        sections={SECTIONS.map(([name, path]) => ({ name, path, text: t(`sections.${name}`) }))}
      />
      {children}
    </Page>
  )
}
