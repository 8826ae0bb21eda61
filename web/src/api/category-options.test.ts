import { expect, it } from 'vitest'
import { categoryOptions } from './category-options'
import type { Category } from './types'

const category = (slug: string, name_de: string, name_en: string, children: Category[] = []) =>
  ({ slug, name_de, name_en, children }) as unknown as Category

it('sorts names as the reader does, children below their parents', () => {
  const tree = [
    category('math', 'Mathematik', 'Mathematics'),
    category('office', 'Büro', 'Work', [
      category('b', 'Übungen', 'Drills'),
      category('a', 'Tabellen', 'Tables'),
    ]),
    category('econ', 'Ökonomie', 'Business'),
    category('lang', 'Sprachen', 'Languages'),
  ]
  const slugs = (language: 'de' | 'en') => categoryOptions(tree, language).map(([slug]) => slug)
  expect(slugs('de')).toEqual(['office', 'a', 'b', 'math', 'econ', 'lang'])
  expect(slugs('en')).toEqual(['econ', 'lang', 'math', 'office', 'b', 'a'])
  expect(categoryOptions(tree, 'de')[1]?.[1]).toBe('\u{a0}\u{a0}\u{a0}Tabellen')
})
