import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Button } from '../../parts/button'
import { Confirm } from '../../parts/confirm'
import { Copy } from '../../parts/copy'
import { FailureNotice, Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { list as listQuery, lists, shareList, unshareList, type SavedListDetail } from './api'
import { useTexts } from './texts'

/** Whether others see the list, by a link. */
export function Share({ list }: { list: SavedListDetail }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const changed = () =>
    Promise.all([queries.invalidateQueries(listQuery(list.id)), queries.invalidateQueries(lists)])
  const share = useMutation({
    mutationFn: async () => {
      const link = await shareList(list.id)
      await changed()
      return link
    },
  })
  const shared = list.visibility === 'link'
  return (
    <Panel title={t('shareTitle')}>
      <div className="space-y-4">
        <p>{shared ? t('shareThere') : t('shareNone')}</p>
        {shared && share.data && (
          <>
            <Notice tone="good" urgent>
              {t('shareMade')}
            </Notice>
            <p className="rounded-lg bg-sunken p-4 font-mono text-sm break-all select-all">
              {share.data.link}
            </p>
          </>
        )}
        {share.error && <FailureNotice error={share.error} />}
        <div className="flex flex-wrap items-center gap-3">
          {shared && share.data && <Copy text={share.data.link} label={t('copy')} />}
          {shared ? (
            <>
              <Confirm
                action={t('shareAnew')}
                text={t('shareText')}
                wide={false}
                onConfirm={() => share.mutateAsync()}
              />
              <Confirm
                action={t('unshare')}
                text={t('unshareText')}
                danger
                wide={false}
                onConfirm={async () => {
                  await unshareList(list.id)
                  share.reset()
                  await changed()
                }}
              />
            </>
          ) : (
            <Button busy={share.isPending} onClick={() => share.mutate()}>
              {t('share')}
            </Button>
          )}
        </div>
      </div>
    </Panel>
  )
}
