import { useQuery } from '@tanstack/react-query'
import { useParams } from 'react-router'
import { describe } from '../../api/failure'
import { NanoCard } from '../../parts/card'
import { FailureNotice } from '../../parts/notice'
import { Empty, Loading, Page } from '../../parts/page'
import { sharedList } from './api'
import { useTexts } from './texts'

/** Somebody's list, as whoever has its link sees it. */
export function Component() {
  const { t } = useTexts()
  const { secret = '' } = useParams()
  const { data, error, refetch } = useQuery(sharedList(secret))
  if (!data && !error) return <Loading />
  const gone = !data && describe(error).code === 'NOT_FOUND'
  return (
    <Page title={data?.name ?? t('sections.lists')}>
      {gone && <Empty title={t('sharedGone')} text={t('sharedGoneText')} />}
      {!data && !gone && <FailureNotice error={error} retry={() => void refetch()} />}
      {data && (
        <>
          <p className="-mt-4 mb-6 text-muted">{t('sharedBy', { name: data.owner.name })}</p>
          {data.description && <p className="mb-6 max-w-prose whitespace-pre-line">{data.description}</p>}
          {data.nanos.length === 0 && <Empty title={t('sharedEmpty')} text={t('sharedEmptyText')} />}
          <ol className="grid gap-6 sm:grid-cols-2 lg:grid-cols-3">
            {data.nanos.map((nano, place) => (
              <li key={nano.id}>
                <NanoCard nano={nano} eager={place < 3} />
              </li>
            ))}
          </ol>
        </>
      )}
    </Page>
  )
}
