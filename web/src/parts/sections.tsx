import type { ReactNode } from 'react'
import { NavLink } from '../app/navigation'

export interface Section {
  name: string
  path: string
  text: string
}

/** The sections that belong together, as tabs that are links. */
export function Sections({ label, sections }: { label: string; sections: readonly Section[] }): ReactNode {
  return (
    <nav aria-label={label} className="-mt-2 mb-6 border-b border-line">
      <ul className="flex flex-wrap">
        {sections.map(({ name, path, text }) => (
          <li key={name}>
            <NavLink
              to={path}
              end
              className={({ isActive }) =>
                `-mb-px flex min-h-11 items-center border-b-2 px-2 font-medium sm:px-4 ${isActive ? 'border-accent text-accent' : 'border-transparent text-muted hover:text-ink'}`
              }
            >
              {text}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  )
}
