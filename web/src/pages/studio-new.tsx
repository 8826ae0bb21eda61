import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { useTexts } from '../features/studio/texts'
import { useNavigate } from '../app/navigation'
import { createNano } from '../api/nanos'
import type { NanoForm as Values } from '../api/types'
import { useDraft } from '../drafts/use-draft'
import { NanoForm } from '../parts/nano-form'
import { Page, Panel } from '../parts/page'

/** A new draft. */
export function Component() {
  const { t } = useTexts()
  const navigate = useNavigate()
  const queries = useQueryClient()
  // Sent again unchanged, because its answer was lost, it is the same nano.
  const sent = useRef<{ form: string; key: string }>(undefined)
  const draft = useDraft<Values>('nano.new')
  const create = useMutation({
    mutationFn: (values: Values) => {
      const form = JSON.stringify(values)
      if (sent.current?.form !== form) sent.current = { form, key: crypto.randomUUID() }
      return createNano(values, sent.current.key)
    },
    onSuccess: async (nano) => {
      draft.drop()
      void queries.invalidateQueries({ queryKey: ['mine'] })
      await navigate(`/studio/nanos/${nano.id}`)
    },
  })
  return (
    <Page title={t('studio.newTitle')} narrow>
      <p className="-mt-4 mb-6 text-muted">{t('studio.newLead')}</p>
      <Panel>
        <NanoForm
          draft={draft}
          submit={t('studio.createButton')}
          busy={create.isPending}
          error={create.error}
          onSubmit={(values) => create.mutate(values)}
        />
      </Panel>
    </Page>
  )
}
