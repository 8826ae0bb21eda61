import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { nanoDetail } from '../../api/nanos'
import type { NanoDetail } from '../../api/types'
import { Button, ButtonLink } from '../../parts/button'
import { DialogButton } from '../../parts/dialog'
import { Icon } from '../../parts/icon'
import { FailureNotice, Notice } from '../../parts/notice'
import { Loading } from '../../parts/page'
import { onTheWay } from '../../session/next'
import { useMe } from '../../session/store'
import { favouritesKey, list, lists, putOnList, setFavourite, type SavedList } from './api'
import { ListForm } from './list-form'
import { useTexts } from './texts'

/** Keeps a nano for later: among the favourites, or on a list. */
export function Keep({ nano }: { nano: NanoDetail }) {
  const { t } = useTexts()
  const me = useMe()
  const kept = nano.favorite_count > 0 && (
    <p className="text-sm text-muted">{t('favouriteCount', { count: nano.favorite_count })}</p>
  )
  if (!me) {
    return (
      <div className="space-y-3">
        <ButtonLink className="w-full" to={onTheWay('/login', `/nanos/${nano.id}`)}>
          <Icon name="heart" />
          {t('favourite')}
        </ButtonLink>
        {kept}
      </div>
    )
  }
  return (
    <div className="space-y-3">
      <Favourite nano={nano} />
      <DialogButton action={t('addToList')} title={t('addToListTitle')} wide>
        <AddToList nano={nano.id} />
      </DialogButton>
      {kept}
    </div>
  )
}

function Favourite({ nano }: { nano: NanoDetail }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const is = nano.is_favorite === true
  const turn = useMutation({
    mutationFn: async () => {
      await setFavourite(nano.id, !is)
      await Promise.all([
        queries.invalidateQueries({ queryKey: nanoDetail(nano.id).queryKey, exact: true }),
        queries.invalidateQueries({ queryKey: favouritesKey }),
      ])
    },
  })
  return (
    <>
      <Button className="w-full" aria-pressed={is} busy={turn.isPending} onClick={() => turn.mutate()}>
        <Icon name="heart" className={is ? 'size-5 fill-current text-accent' : 'size-5'} />
        {is ? t('isFavourite') : t('favourite')}
      </Button>
      {turn.error && <FailureNotice error={turn.error} />}
    </>
  )
}

function AddToList({ nano }: { nano: string }) {
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
