import type { Format, Language, License } from './types'

/** What can be chosen, in the order it is offered. */
export const LANGUAGES: readonly Language[] = ['de', 'en']
export const FORMATS: readonly Format[] = ['text', 'video', 'quiz', 'interactive', 'mixed']
export const LICENSES: readonly License[] = ['CC-BY', 'CC-BY-SA', 'CC0', 'proprietary']

/** Levels 1 to 3. */
export const LEVELS = ['foundation', 'intermediate', 'advanced'] as const

export const levelWord = (level: number) => LEVELS[level - 1] ?? 'foundation'
