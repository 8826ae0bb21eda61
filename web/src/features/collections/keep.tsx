import { useMutation, useQueryClient } from '@tanstack/react-query'
import { nanoDetail } from '../../api/nanos'
import type { NanoDetail } from '../../api/types'
import { part } from '../../app/part'
import { Button, ButtonLink } from '../../parts/button'
import { DialogButton } from '../../parts/dialog'
import { Icon } from '../../parts/icon'
import { FailureNotice } from '../../parts/notice'
import { Loading } from '../../parts/page'
import { onTheWay } from '../../session/next'
import { useSession } from '../../session/store'
import { favouritesKey, setFavourite } from './api'
import { useTexts } from './texts'

// Most visits have no use for it.
const AddToList = part<{ nano: string }>(async () => (await import('./add-to-list')).AddToList, <Loading />)

/** Keeps a nano for later: among the favourites, or on a list. */
export function Keep({ nano }: { nano: NanoDetail }) {
  const { t } = useTexts()
  const { phase, me } = useSession()
  const kept = nano.favorite_count > 0 && (
    <p className="text-sm text-muted">{t('favouriteCount', { count: nano.favorite_count })}</p>
  )
  if (phase === 'restoring') return kept
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
