import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { describe } from '../../api/failure'
import { Button } from '../../parts/button'
import { Confirm } from '../../parts/confirm'
import { TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { FailureNotice } from '../../parts/notice'
import { Loading, Panel } from '../../parts/page'
import { useTexts } from './texts'
import {
  LONGEST_NAME,
  LONGEST_QUERY,
  removeSearch,
  savedSearches,
  saveSearch,
  setAlerts,
  type SavedSearch,
} from './told'

/** Searches that tell of new nanos. */
export function SavedSearches() {
  const { t } = useTexts()
  const { data, error, refetch } = useQuery(savedSearches)
  const [making, setMaking] = useState(false)
  return (
    <Panel title={t('searches.title')}>
      <p className="mb-4">{t('searches.lead')}</p>
      {!data && !error && <Loading />}
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {data && data.length > 0 && (
        <ul className="mb-4 divide-y divide-line border-y border-line">
          {data.map((search) => (
            <Row key={search.id} search={search} />
          ))}
        </ul>
      )}
      {making ? (
        <NewSearch onDone={() => setMaking(false)} />
      ) : (
        <Button onClick={() => setMaking(true)}>{t('searches.add')}</Button>
      )}
    </Panel>
  )
}

function Row({ search: { id, name, search, alerts } }: { search: SavedSearch }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const change = useMutation({
    mutationFn: async (alerts: boolean) => {
      await setAlerts(id, alerts)
      await queries.invalidateQueries(savedSearches)
    },
  })
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-3">
      <div className="min-w-0">
        <p className="font-medium break-words">{name}</p>
        {search.q && <p className="text-sm break-words text-muted">{search.q}</p>}
        {change.error && <FailureNotice error={change.error} />}
      </div>
      <div className="flex flex-wrap items-center gap-3">
        <label className="flex min-h-11 items-center gap-2">
          <input
            type="checkbox"
            checked={alerts}
            onChange={(event) => change.mutate(event.target.checked)}
            className="size-5 accent-accent"
          />
          {t('searches.alerts')}
          <span className="sr-only"> ({name})</span>
        </label>
        <Confirm
          action={t('searches.remove')}
          about={name}
          text={t('searches.removeText', { name })}
          danger
          wide={false}
          onConfirm={async () => {
            await removeSearch(id)
            await queries.invalidateQueries(savedSearches)
          }}
        />
      </div>
    </li>
  )
}

function NewSearch({ onDone }: { onDone: () => void }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const [key] = useState(() => crypto.randomUUID())
  const send = useMutation({
    mutationFn: async (values: FormData) => {
      await saveSearch(text(values, 'name').trim(), text(values, 'q').trim(), key)
      await queries.invalidateQueries(savedSearches)
    },
    onSuccess: onDone,
  })
  const fields = send.error ? describe(send.error).fields : {}
  return (
    <Form onSubmit={(values) => send.mutate(values)} error={send.error} focus>
      <TextField
        label={t('searches.name')}
        name="name"
        required
        maxLength={LONGEST_NAME}
        autoComplete="off"
        error={fields.name}
      />
      <TextField
        label={t('searches.words')}
        hint={t('searches.wordsHint')}
        name="q"
        required
        maxLength={LONGEST_QUERY}
        autoComplete="off"
        error={fields.search ?? fields['search.q']}
      />
      <div className="flex flex-wrap gap-3">
        <Submit busy={send.isPending}>{t('searches.save')}</Submit>
        <Button onClick={onDone}>{t('translation:common.cancel')}</Button>
      </div>
    </Form>
  )
}
