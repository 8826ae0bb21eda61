import { LANGUAGES, LICENSES } from './choices'
import type { Language, License, NanoForm, Package } from './types'

const TITLE_MAX = 255
const DESCRIPTION_MAX = 1000
const DURATION_MAX = 1440

/** What the manifest of a learning package says of the nano's own fields. What it does not say, or not clearly, is left out. */
export function suggestions(pack: Package): Partial<NanoForm> {
  const told: Partial<NanoForm> = {
    title: pack.title?.slice(0, TITLE_MAX),
    description: description(pack),
    language: language(pack.language),
    license: license(pack.licence),
    duration_minutes: pack.duration_minutes ? Math.min(pack.duration_minutes, DURATION_MAX) : undefined,
  }
  return Object.fromEntries(Object.entries(told).filter(([, value]) => Boolean(value)))
}

/** Its description, with what is to be learned as a list below. */
function description({ description: text, objectives = [] }: Package): string | undefined {
  const goals = objectives.map((goal) => `- ${goal}`).join('\n')
  const whole = [text, goals].filter(Boolean).join('\n\n')
  return whole.slice(0, DESCRIPTION_MAX) || undefined
}

function language(tag?: string | null): Language | undefined {
  const main = tag?.toLowerCase().split(/[-_]/)[0]
  return LANGUAGES.find((known) => known === main)
}

/** Creative Commons by name or address, without the conditions that a nano cannot carry (NC, ND). */
function license(text?: string | null): License | undefined {
  const plain = text?.toLowerCase() ?? ''
  const known = (name: License) => LICENSES.find((license) => license === name)
  if (/\bcc[ -]?0\b|publicdomain\/zero/.test(plain)) return known('CC0')
  const conditions = /(?:\bcc[ -]|creativecommons\.org\/licenses\/)(by(?:-(?:nc|nd|sa))*)/.exec(plain)?.[1]
  if (conditions === 'by-sa') return known('CC-BY-SA')
  if (conditions === 'by') return known('CC-BY')
  return undefined
}
