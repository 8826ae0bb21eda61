import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTexts } from '../features/studio/texts'
import { useNavigate, useParams, useSearchParams } from '../app/navigation'
import { describe } from '../api/failure'
import { editNano, nanoDetail } from '../api/nanos'
import { suggestions } from '../api/suggestions'
import type { NanoDetail, NanoForm as Values } from '../api/types'
import { Button } from '../parts/button'
import { useDraft } from '../drafts/use-draft'
import { NanoForm } from '../parts/nano-form'
import { FailureNotice, Notice } from '../parts/notice'
import { Loading, Page, Panel } from '../parts/page'

/** Changing what is said about a nano; with `?from=package`, beginning with what the manifest of its package says. */
export function Component() {
  const { t } = useTexts()
  const { id = '' } = useParams()
  const nano = useQuery(nanoDetail(id))
  if (nano.isPending) return <Loading />
  return (
    <Page title={t('studio.edit')} narrow>
      {nano.data ? (
        <Edit
          nano={nano.data}
          reload={async () => (await nano.refetch({ throwOnError: true })).data ?? nano.data}
        />
      ) : (
        <FailureNotice error={nano.error} retry={() => void nano.refetch()} />
      )}
    </Page>
  )
}

interface EditProps {
  nano: NanoDetail
  /** The nano as it is now. */
  reload: () => Promise<NanoDetail>
}

/** An edit is made of what was read when it began, whatever is read in the background meanwhile: it says so to the API. */
function Edit({ nano, reload }: EditProps) {
  const { t } = useTexts()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [search] = useSearchParams()
  const draft = useDraft<Values & { revision: number }>(`nano.${nano.id}`)
  // A draft goes on from what it was begun on: whatever was changed since is not overwritten by it.
  const [base, setBase] = useState({ ...nano, revision: draft.kept?.values.revision ?? nano.revision })
  const pack = search.get('from') === 'package' ? base.latest_version?.report?.package : undefined
  const back = () => navigate(`/studio/nanos/${base.id}`)
  const edit = useMutation({
    mutationFn: (values: Values) => editNano(base.id, base.revision, values),
    onSuccess: async () => {
      draft.drop()
      void queries.invalidateQueries({ queryKey: ['mine'] })
      void queries.invalidateQueries({ queryKey: ['catalogue'] })
      await queries.invalidateQueries({ queryKey: ['nano', base.id] })
      await back()
    },
  })
  const current = useMutation({
    mutationFn: reload,
    onSuccess: (fresh) => {
      draft.forget()
      edit.reset()
      setBase(fresh)
    },
  })
  const outdated = edit.error !== null && describe(edit.error).code === 'PRECONDITION_FAILED'
  return (
    <Panel>
      {pack && (
        <div className="mb-5">
          <Notice tone="info">{t('studio.fromPackage')}</Notice>
        </div>
      )}
      {outdated && (
        <div className="mb-5">
          <Notice tone="warn" urgent>
            <p>{t('studio.outdated')}</p>
            <p className="pt-2">
              <Button busy={current.isPending} onClick={() => current.mutate()}>
                {t('studio.showCurrent')}
              </Button>
            </p>
          </Notice>
        </div>
      )}
      <NanoForm
        key={base.revision}
        draft={{
          ...draft,
          keep: (values) => draft.keep({ ...values, revision: base.revision }),
          forget: () => {
            draft.forget()
            setBase(nano)
          },
        }}
        nano={{ ...base, ...base.pending_edit, ...(pack && suggestions(pack)) }}
        submit={t('common.save')}
        busy={edit.isPending}
        error={current.error ?? (outdated ? null : edit.error)}
        onSubmit={(values) => edit.mutate(values)}
        onCancel={() => void back()}
      />
    </Panel>
  )
}
