import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '../../parts/button'
import { FailureNotice, Notice } from '../../parts/notice'
import { Loading } from '../../parts/page'
import { list, lists, putOnList, type SavedList } from './api'
import { ListForm } from './list-form'
import { useTexts } from './texts'

/** Puts a nano on a list, or on a new one. */
export function AddToList({ nano }: { nano: string }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery(lists)
  const [making, setMaking] = useState(false)
  const put = useMutation({
    mutationFn: async (chosen: SavedList) => {
      await putOnList(chosen.id, nano)
      void queries.invalidateQueries(list(chosen.id))
      await queries.invalidateQueries(lists)
      return chosen
    },
    onSuccess: () => setMaking(false),
  })
  if (!data && !error) return <Loading />
  if (!data) return <FailureNotice error={error} retry={() => void refetch()} />
  return (
    <div className="space-y-4">
      <div role="status">
        {put.data && <Notice tone="good">{t('onList', { name: put.data.name })}</Notice>}
      </div>
      {put.error && <FailureNotice error={put.error} />}
      {data.length === 0 && !making && <p>{t('noLists')}</p>}
      {!making && data.length > 0 && (
        <ul className="max-h-80 space-y-2 overflow-y-auto">
          {data.map((one) => (
            <li key={one.id}>
              <Button
                className="w-full"
                busy={put.isPending && put.variables.id === one.id}
                onClick={() => put.mutate(one)}
              >
                {t('put', { name: one.name })}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {making ? (
        <ListForm onDone={(made) => put.mutateAsync(made)} onCancel={() => setMaking(false)} />
      ) : (
        <Button look="quiet" onClick={() => setMaking(true)}>
          {t('newList')}
        </Button>
      )}
    </div>
  )
}
