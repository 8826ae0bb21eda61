import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { FailureNotice } from '../../parts/notice'
import { Empty, Loading, Panel } from '../../parts/page'
import { lists, type SavedList } from './api'
import { Frame } from './frame'
import { ListForm } from './list-form'
import { useTexts } from './texts'

/** One's own lists. */
export function Component() {
  const { t } = useTexts()
  const navigate = useNavigate()
  const { data, error, refetch } = useQuery(lists)
  const [making, setMaking] = useState(false)
  return (
    <Frame section="lists">
      <div className="space-y-6">
        {making ? (
          <Panel title={t('newList')}>
            <ListForm onDone={({ id }) => navigate(`/lists/${id}`)} onCancel={() => setMaking(false)} />
          </Panel>
        ) : (
          <Button look="primary" onClick={() => setMaking(true)}>
            {t('newList')}
          </Button>
        )}
        {!data && !error && <Loading />}
        {!data && error && <FailureNotice error={error} retry={() => void refetch()} />}
        {data?.length === 0 && !making && <Empty title={t('listsEmpty')} text={t('listsEmptyText')} />}
        {data && data.length > 0 && (
          <ul className="divide-y divide-line overflow-hidden rounded-xl border border-line bg-surface">
            {data.map((one) => (
              <Row key={one.id} list={one} />
            ))}
          </ul>
        )}
      </div>
    </Frame>
  )
}

function Row({ list }: { list: SavedList }) {
  const { t } = useTexts()
  const language = useLanguage()
  return (
    <li className="relative space-y-1 px-4 py-3 hover:bg-sunken">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Link to={`/lists/${list.id}`} className="font-semibold after:absolute after:inset-0">
          {list.name}
        </Link>
        {list.visibility === 'link' && <Badge tone="accent">{t('shared')}</Badge>}
      </p>
      {list.description && <p className="line-clamp-2 text-muted">{list.description}</p>}
      <p className="text-sm text-muted">{t('changedAt', { date: date(list.updated_at, language) })}</p>
    </li>
  )
}
