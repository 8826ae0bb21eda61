import type { ReactNode } from 'react'
import { NavLink } from 'react-router'
import { Page } from '../../parts/page'
import { useTexts } from './texts'

const SECTIONS = [
  ['profile', '/account'],
  ['security', '/account/security'],
  ['tokens', '/account/tokens'],
  ['agreements', '/account/agreements'],
] as const

/** A section of the account, with the way to the others. */
export function Frame({ section, children }: { section: (typeof SECTIONS)[number][0]; children: ReactNode }) {
  const { t } = useTexts()
  return (
    <Page title={t(`sections.${section}`)} narrow>
      <nav aria-label={t('sections.label')} className="-mt-2 mb-6 border-b border-line">
        <ul className="flex flex-wrap">
          {SECTIONS.map(([name, path]) => (
            <li key={name}>
              <NavLink
                to={path}
                end
                className={({ isActive }) =>
                  `-mb-px flex min-h-11 items-center border-b-2 px-2 font-medium sm:px-4 ${isActive ? 'border-accent text-accent' : 'border-transparent text-muted hover:text-ink'}`
                }
              >
                {t(`sections.${name}`)}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      <div className="space-y-6">{children}</div>
    </Page>
  )
}
