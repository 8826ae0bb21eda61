import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { createNano } from '../api/nanos'
import { NanoForm } from '../parts/nano-form'
import { Page, Panel } from '../parts/page'

/** A new draft. */
export function Component() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const create = useMutation({
    mutationFn: createNano,
    onSuccess: async (nano) => {
      void queries.invalidateQueries({ queryKey: ['mine'] })
      await navigate(`/studio/nanos/${nano.id}`)
    },
  })
  return (
    <Page title={t('studio.newTitle')} narrow>
      <p className="-mt-4 mb-6 text-muted">{t('studio.newLead')}</p>
      <Panel>
        <NanoForm
          submit={t('studio.createButton')}
          busy={create.isPending}
          error={create.error}
          onSubmit={(values) => create.mutate(values)}
        />
      </Panel>
    </Page>
  )
}
