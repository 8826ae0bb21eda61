import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useNavigate, useParams } from 'react-router'
import { editNano, nanoDetail } from '../api/nanos'
import type { NanoForm as Values } from '../api/types'
import { NanoForm } from '../parts/nano-form'
import { FailureNotice } from '../parts/notice'
import { Loading, Page, Panel } from '../parts/page'

/** Changing what is said about a nano. */
export function Component() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const nano = useQuery(nanoDetail(id))
  const back = () => navigate(`/studio/nanos/${id}`)
  const edit = useMutation({
    mutationFn: (values: Values) => editNano(id, values),
    onSuccess: async () => {
      void queries.invalidateQueries({ queryKey: ['mine'] })
      void queries.invalidateQueries({ queryKey: ['catalogue'] })
      await queries.invalidateQueries({ queryKey: ['nano', id] })
      await back()
    },
  })
  if (nano.isPending) return <Loading />
  return (
    <Page title={t('studio.edit')} narrow>
      {nano.data ? (
        <Panel>
          <NanoForm
            nano={nano.data}
            submit={t('common.save')}
            busy={edit.isPending}
            error={edit.error}
            onSubmit={(values) => edit.mutate(values)}
            onCancel={() => void back()}
          />
        </Panel>
      ) : (
        <FailureNotice error={nano.error} retry={() => void nano.refetch()} />
      )}
    </Page>
  )
}
