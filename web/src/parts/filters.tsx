import { useQuery } from '@tanstack/react-query'
import { useLanguage, useTranslation } from '../i18n/setup'
import { categories, type CatalogueFilter } from '../api/nanos'
import { TIMES } from '../api/catalogue-filter'
import { categoryOptions } from '../api/category-options'
import { LANGUAGES, LEVELS } from '../api/choices'
import { languageName } from '../format'
import { Ring } from '../ui/ring'
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
  const narrowed = filter.q || filter.category || filter.level || filter.language || filter.minutes
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
      <Minutes chosen={filter.minutes} onChange={(minutes) => onChange({ minutes })} />
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
          onClick={() => onChange({ q: '', category: '', level: '', language: '', minutes: '' })}
        >
          {t('catalogue.reset')}
        </button>
      )}
    </search>
  )
}

/** How much time somebody has, as rings of an hour. */
function Minutes({ chosen, onChange }: { chosen: string; onChange: (minutes: string) => void }) {
  const { t } = useTranslation()
  return (
    <fieldset className="mt-4">
      <legend className="sr-only">{t('catalogue.time')}</legend>
      <div className="flex flex-wrap items-center gap-2">
        <span aria-hidden="true" className="mr-1 text-muted">
          {t('catalogue.time')}
        </span>
        {TIMES.map((minutes) => {
          const pressed = chosen === String(minutes)
          return (
            <button
              key={minutes}
              type="button"
              aria-pressed={pressed}
              onClick={() => onChange(pressed ? '' : String(minutes))}
              className={`flex min-h-12 items-center gap-2 rounded-full border py-1 pr-4 pl-1.5 font-medium ${pressed ? 'border-accent bg-accent-soft' : 'border-line bg-surface hover:border-accent'}`}
            >
              <Ring part={minutes / 60} className="size-9">
                {minutes}
              </Ring>
              <span className="sr-only">{minutes}</span>
              <span className="max-sm:hidden">{t('catalogue.minutes')}</span>
              <span className="sm:hidden">{t('catalogue.minutesShort')}</span>
            </button>
          )
        })}
      </div>
    </fieldset>
  )
}
