import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useNavigate, useParams, useSearchParams } from 'react-router'
import { editNano, nanoDetail } from '../api/nanos'
import { suggestions } from '../api/suggestions'
import type { NanoForm as Values } from '../api/types'
import { NanoForm } from '../parts/nano-form'
import { FailureNotice, Notice } from '../parts/notice'
import { Loading, Page, Panel } from '../parts/page'

/** Changing what is said about a nano; with `?from=package`, beginning with what the manifest of its package says. */
export function Component() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [search] = useSearchParams()
  const nano = useQuery(nanoDetail(id))
  const pack = search.get('from') === 'package' ? nano.data?.latest_version?.report?.package : undefined
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
          {pack && (
            <div className="mb-5">
              <Notice tone="info">{t('studio.fromPackage')}</Notice>
            </div>
          )}
          <NanoForm
            nano={{ ...nano.data, ...nano.data.pending_edit, ...(pack && suggestions(pack)) }}
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
