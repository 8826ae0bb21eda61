import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { categories, type CatalogueFilter } from '../api/nanos'
import { categoryOptions } from '../api/category-options'
import { LANGUAGES, LEVELS } from '../api/choices'
import { languageName } from '../format'
import { useLanguage } from '../i18n/setup'
import { Select } from './field'
import { SearchBox } from './search-box'

interface FiltersProps {
  filter: CatalogueFilter
  onChange: (changed: Partial<CatalogueFilter>) => void
}

/** The search box and the filters of the catalogue. Filters apply at once, words when they are sent. */
export function Filters({ filter, onChange }: FiltersProps) {
  const { t } = useTranslation()
  const language = useLanguage()
  const { data: tree = [] } = useQuery(categories)
  const narrowed = filter.q || filter.category || filter.level || filter.language
  return (
    <search className="block">
      {/* A new address, as by going back, brings its own words. */}
      <SearchBox
        key={filter.q}
        label={t('catalogue.search')}
        hint={t('catalogue.searchHint')}
        button={t('catalogue.searchButton')}
        words={filter.q}
        onSearch={(q) => onChange({ q })}
      />
      <div className="mt-4 grid grid-cols-2 gap-3 sm:grid-cols-3">
        <div className="col-span-2 sm:col-span-1">
          <Select
            label={t('nano.categories')}
            value={filter.category}
            onChange={(event) => onChange({ category: event.target.value })}
            options={[['', t('catalogue.allCategories')], ...categoryOptions(tree, language)]}
          />
        </div>
        <Select
          label={t('level.label')}
          value={filter.level}
          onChange={(event) => onChange({ level: event.target.value })}
          options={[
            ['', t('catalogue.allLevels')],
            ...LEVELS.map((word, place) => [String(place + 1), t(`level.${word}`)] as const),
          ]}
        />
        <Select
          label={t('nano.language')}
          value={filter.language}
          onChange={(event) => onChange({ language: event.target.value })}
          options={[
            ['', t('catalogue.allLanguages')],
            ...LANGUAGES.map((tag) => [tag, languageName(tag, language)] as const),
          ]}
        />
      </div>
      {narrowed && (
        <button
          type="button"
          className="mt-2 min-h-11 font-medium text-accent hover:underline"
          onClick={() => onChange({ q: '', category: '', level: '', language: '' })}
        >
          {t('catalogue.reset')}
        </button>
      )}
    </search>
  )
}
