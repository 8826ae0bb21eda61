import type { Category, Language } from './types'

/** The tree as options of a list, children below their parents and indented, in the order of the reader's alphabet. */
export function categoryOptions(
  tree: Category[],
  language: Language,
  depth = 0,
): (readonly [string, string])[] {
  const { compare } = new Intl.Collator(language)
  const sorted = tree.toSorted((a, b) => compare(categoryName(a, language), categoryName(b, language)))
  return sorted.flatMap((category) => [
    [category.slug, '\u{a0}'.repeat(depth * 3) + categoryName(category, language)] as const,
    ...categoryOptions(category.children, language, depth + 1),
  ])
}

export const categoryName = (category: Category, language: Language) =>
  language === 'de' ? category.name_de : category.name_en

/** The category with this slug, wherever it is in the tree. */
export function findCategory(tree: Category[], slug: string): Category | undefined {
  for (const category of tree) {
    const found = category.slug === slug ? category : findCategory(category.children, slug)
    if (found) return found
  }
  return undefined
}
