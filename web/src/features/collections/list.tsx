import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { describe } from '../../api/failure'
import { Button } from '../../parts/button'
import { Confirm } from '../../parts/confirm'
import { DialogButton, useClose } from '../../parts/dialog'
import { FailureNotice, Notice } from '../../parts/notice'
import { Empty, Loading, Page } from '../../parts/page'
import { arrange, list as listQuery, lists, removeList, takeOffList, type SavedListDetail } from './api'
import { KeptRow } from './kept-row'
import { ListForm } from './list-form'
import { moved } from './order'
import { Share } from './share'
import { useTexts } from './texts'

/** One of one's own lists. */
export function Component() {
  const { t } = useTexts()
  const { id = '' } = useParams()
  const { data, error, refetch } = useQuery(listQuery(id))
  if (!data && !error) return <Loading />
  const gone = !data && describe(error).code === 'NOT_FOUND'
  return (
    <Page title={data?.name ?? t('sections.lists')}>
      <p className="-mt-4 mb-6">
        <Link to="/lists" className="text-accent underline">
          {t('back')}
        </Link>
      </p>
      {data && <Detail list={data} />}
      {gone && <Empty title={t('gone')} text={t('goneText')} />}
      {!data && !gone && <FailureNotice error={error} retry={() => void refetch()} />}
    </Page>
  )
}

function Detail({ list }: { list: SavedListDetail }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const { queryKey } = listQuery(list.id)
  const [said, setSaid] = useState<{ tone: 'good' | 'warn'; words: string }>()
  const order = useMutation({
    mutationFn: async (ids: string[]) => {
      setSaid(undefined)
      queries.setQueryData(queryKey, await arrange(list.id, list.revision, ids))
      setSaid({ tone: 'good', words: t('arranged') })
    },
    onError: async (error) => {
      if (describe(error).code !== 'PRECONDITION_FAILED') return
      await queries.invalidateQueries({ queryKey })
      setSaid({ tone: 'warn', words: t('changedElsewhere') })
    },
  })
  const takeOff = useMutation({
    mutationFn: async (nano: string) => {
      await takeOffList(list.id, nano)
      await queries.invalidateQueries({ queryKey })
    },
  })
  const ids = list.nanos.map((kept) => kept.nano_id)
  const failed =
    order.error && describe(order.error).code !== 'PRECONDITION_FAILED' ? order.error : takeOff.error
  const busy = order.isPending || takeOff.isPending
  return (
    <div className="space-y-6">
      {list.description && <p className="max-w-prose whitespace-pre-line">{list.description}</p>}
      <div className="flex flex-wrap gap-3">
        <DialogButton action={t('edit')} title={t('editTitle')}>
          <Edit list={list} />
        </DialogButton>
        <Confirm
          action={t('delete')}
          text={t('deleteText')}
          danger
          wide={false}
          onConfirm={async () => {
            await removeList(list.id)
            await navigate('/lists')
            queries.removeQueries({ queryKey })
            await queries.invalidateQueries(lists)
          }}
        />
      </div>
      <Share list={list} />
      <div role="status">{said && <Notice tone={said.tone}>{said.words}</Notice>}</div>
      {failed && <FailureNotice error={failed} />}
      {list.nanos.length === 0 ? (
        <Empty title={t('listEmpty')} text={t('listEmptyText')} />
      ) : (
        <ol className="divide-y divide-line overflow-hidden rounded-xl border border-line bg-surface">
          {list.nanos.map((kept, place) => {
            const about = <span className="sr-only"> ({kept.nano?.title ?? t('offShelf')})</span>
            return (
              <KeptRow key={kept.nano_id} kept={kept}>
                <Button blocked={busy || place === 0} onClick={() => order.mutate(moved(ids, place, -1))}>
                  {t('up')}
                  {about}
                </Button>
                <Button
                  blocked={busy || place === ids.length - 1}
                  onClick={() => order.mutate(moved(ids, place, 1))}
                >
                  {t('down')}
                  {about}
                </Button>
                <Button blocked={busy} onClick={() => takeOff.mutate(kept.nano_id)}>
                  {t('takeOff')}
                  {about}
                </Button>
              </KeptRow>
            )
          })}
        </ol>
      )}
    </div>
  )
}

function Edit({ list }: { list: SavedListDetail }) {
  const close = useClose()
  return <ListForm of={list} onDone={close} onCancel={close} />
}
