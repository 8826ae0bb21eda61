import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'
import { nanoDetail } from '../../api/nanos'
import { Button, ButtonLink } from '../../parts/button'
import { FailureNotice } from '../../parts/notice'
import { Empty, Loading } from '../../parts/page'
import { Pager } from '../../parts/pager'
import { favourites, favouritesKey, setFavourite } from './api'
import { Frame } from './frame'
import { KeptRow } from './kept-row'
import { useTexts } from './texts'

/** One's own favourites, the newest first. */
export function Component() {
  const { t } = useTexts()
  const queries = useQueryClient()
  const [params] = useSearchParams()
  const page = Math.max(1, Math.floor(Number(params.get('page')) || 1))
  const { data, error, isPlaceholderData, refetch } = useQuery(favourites(page))
  const remove = useMutation({
    mutationFn: async (nano: string) => {
      await setFavourite(nano, false)
      void queries.invalidateQueries({ queryKey: nanoDetail(nano).queryKey, exact: true })
      await queries.invalidateQueries({ queryKey: favouritesKey })
    },
  })
  return (
    <Frame section="favourites">
      {!data && !error && <Loading />}
      {!data && error && <FailureNotice error={error} retry={() => void refetch()} />}
      {data && (
        <p role="status" className="mb-4 text-muted">
          {data.data.length > 0 && t('found', { count: data.meta?.total ?? 0 })}
        </p>
      )}
      {remove.error && <FailureNotice error={remove.error} />}
      {data?.data.length === 0 && (
        <Empty title={t('empty')} text={t('emptyText')}>
          <ButtonLink to="/">{t('toCatalogue')}</ButtonLink>
        </Empty>
      )}
      {data && data.data.length > 0 && (
        <ul
          aria-busy={isPlaceholderData}
          className={`divide-y divide-line overflow-hidden rounded-xl border border-line bg-surface ${isPlaceholderData ? 'opacity-60' : ''}`}
        >
          {data.data.map((kept) => (
            <KeptRow key={kept.nano_id} kept={kept}>
              <Button
                busy={remove.isPending && remove.variables === kept.nano_id}
                onClick={() => remove.mutate(kept.nano_id)}
              >
                {t('remove')}
                <span className="sr-only"> ({kept.nano?.title ?? t('offShelf')})</span>
              </Button>
            </KeptRow>
          ))}
        </ul>
      )}
      {data && <Pager meta={data.meta ?? {}} to={(page) => `/favourites?page=${page}`} />}
    </Frame>
  )
}
