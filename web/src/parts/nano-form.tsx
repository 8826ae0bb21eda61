import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { categoryOptions } from '../api/category-options'
import { FORMATS, LANGUAGES, LEVELS, LICENSES } from '../api/choices'
import { describe } from '../api/failure'
import { categories } from '../api/nanos'
import type { NanoForm as Values } from '../api/types'
import { languageName } from '../format'
import { useLanguage } from '../i18n/setup'
import { Button } from './button'
import { FieldError, Select, TextArea, TextField } from './field'
import { Form, text } from './form'

const DESCRIPTION_MAX = 1000

interface NanoFormProps {
  /** What it begins with; a new one has nothing yet. */
  nano?: Partial<Values>
  submit: string
  busy: boolean
  error: unknown
  onSubmit: (values: Values) => void
  onCancel?: () => void
}

/** What is said about a nano. The API checks it. */
export function NanoForm({ nano, submit, busy, error, onSubmit, onCancel }: NanoFormProps) {
  const { t } = useTranslation()
  const language = useLanguage()
  const fields = error ? describe(error).fields : {}
  return (
    <Form error={error} onSubmit={(values) => onSubmit(read(values))}>
      <TextField
        label={t('studio.fields.title')}
        name="title"
        required
        maxLength={255}
        defaultValue={nano?.title}
        error={fields.title}
      />
      <Description start={nano?.description ?? ''} error={fields.description} />
      <div className="grid gap-5 sm:grid-cols-2">
        <TextField
          label={t('studio.fields.duration_minutes')}
          name="duration_minutes"
          type="number"
          inputMode="numeric"
          min={1}
          required
          defaultValue={nano?.duration_minutes}
          error={fields.duration_minutes}
        />
        <Select
          label={t('studio.fields.level')}
          name="level"
          defaultValue={nano?.level ?? 1}
          options={LEVELS.map((word, place) => [String(place + 1), t(`level.${word}`)] as const)}
          error={fields.level}
        />
        <Select
          label={t('studio.fields.language')}
          name="language"
          defaultValue={nano?.language ?? language}
          options={LANGUAGES.map((tag) => [tag, languageName(tag, language)] as const)}
          error={fields.language}
        />
        <Select
          label={t('studio.fields.license')}
          name="license"
          defaultValue={nano?.license ?? 'CC-BY'}
          options={LICENSES.map((license) => [license, t(`license.${license}`)] as const)}
          error={fields.license}
        />
      </div>
      <Select
        label={t('studio.fields.format')}
        name="format"
        defaultValue={nano?.format ?? 'mixed'}
        options={FORMATS.map((format) => [format, t(`format.${format}`)] as const)}
        hint={t('studio.fields.formatHint')}
        error={fields.format}
      />
      <Topics chosen={nano?.categories ?? []} error={fields.categories} />
      <div className="flex flex-wrap gap-3">
        <Button type="submit" look="primary" busy={busy}>
          {submit}
        </Button>
        {onCancel && <Button onClick={onCancel}>{t('common.cancel')}</Button>}
      </div>
    </Form>
  )
}

function read(values: FormData): Values {
  const word = <T extends string>(name: string) => text(values, name) as T
  return {
    title: text(values, 'title'),
    description: text(values, 'description'),
    // What is empty is 0, which the API refuses: left out of an edit, it would quietly stay as it was.
    duration_minutes: Number(text(values, 'duration_minutes')),
    level: Number(text(values, 'level')),
    language: word('language'),
    format: word('format'),
    license: word('license'),
    categories: values.getAll('categories').filter((value) => typeof value === 'string'),
  }
}

function Description({ start, error }: { start: string; error?: string }) {
  const { t } = useTranslation()
  const [length, setLength] = useState(start.length)
  const used = t('studio.characters', { count: length, most: DESCRIPTION_MAX })
  return (
    <TextArea
      label={t('studio.fields.description')}
      name="description"
      rows={5}
      required
      maxLength={DESCRIPTION_MAX}
      defaultValue={start}
      onChange={(event) => setLength(event.target.value.length)}
      hint={`${t('studio.fields.descriptionHint')} · ${used}`}
      error={error}
    />
  )
}

function Topics({ chosen, error }: { chosen: string[]; error?: string }) {
  const { t } = useTranslation()
  const language = useLanguage()
  const { data: tree } = useQuery(categories)
  const label = t('studio.fields.categories')
  return (
    <fieldset aria-describedby={error ? 'topics-error' : undefined}>
      <legend className="mb-1 font-medium">
        {label} <span className="font-normal text-muted">({t('studio.fields.categoriesHint')})</span>
      </legend>
      <div className="max-h-64 overflow-y-auto rounded-lg border border-edge p-2">
        {/* Boxes keep what was ticked only once they are there: they wait for the list. */}
        {tree &&
          categoryOptions(tree, language).map(([slug, name], place) => (
            <label key={slug} className="flex min-h-10 items-center gap-3 rounded px-2 hover:bg-sunken">
              <input
                type="checkbox"
                name="categories"
                value={slug}
                defaultChecked={chosen.includes(slug)}
                aria-invalid={(error && place === 0) || undefined}
                className="size-4 shrink-0 accent-accent"
              />
              <span className="whitespace-pre">{name}</span>
            </label>
          ))}
      </div>
      <FieldError id="topics-error" label={label} error={error} />
    </fieldset>
  )
}
