import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { describe } from '../../api/failure'
import { Button } from '../../parts/button'
import { TextArea, TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { editList, list, lists, LONGEST_DESCRIPTION, LONGEST_NAME, makeList, type SavedList } from './api'
import { useTexts } from './texts'

interface ListFormProps {
  /** The list that is to change; without one a new list is made. */
  of?: SavedList
  onDone: (list: SavedList) => unknown
  onCancel: () => void
}

/** Name and description of a list. */
export function ListForm({ of, onDone, onCancel }: ListFormProps) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const [key] = useState(() => crypto.randomUUID())
  const send = useMutation({
    mutationFn: async (values: FormData) => {
      const [name, description] = [text(values, 'name').trim(), text(values, 'description').trim()]
      let done: SavedList
      if (of) {
        const fresh = await editList(of.id, of.revision, name, description)
        queries.setQueryData(list(of.id).queryKey, fresh)
        done = fresh
      } else {
        done = await makeList(name, description, key)
      }
      await queries.invalidateQueries(lists)
      return done
    },
    onSuccess: (done) => void onDone(done),
  })
  const fields = send.error ? describe(send.error).fields : {}
  return (
    <Form onSubmit={(values) => send.mutate(values)} error={send.error} focus>
      <TextField
        label={t('name')}
        name="name"
        required
        maxLength={LONGEST_NAME}
        autoComplete="off"
        defaultValue={of?.name}
        error={fields.name}
      />
      <TextArea
        label={t('description')}
        name="description"
        rows={3}
        maxLength={LONGEST_DESCRIPTION}
        optional
        defaultValue={of?.description}
        error={fields.description}
      />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
        <Submit busy={send.isPending}>{of ? t('translation:common.save') : t('make')}</Submit>
      </div>
    </Form>
  )
}
