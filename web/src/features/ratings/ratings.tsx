import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { nanoDetail } from '../../api/nanos'
import type { Nano } from '../../api/types'
import { count } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { Select } from '../../parts/field'
import { FailureNotice } from '../../parts/notice'
import { Loading, Panel } from '../../parts/page'
import { ratingPage, ratingsKey, SORTS, type Ratings, type Sort } from './api'
import { Own } from './own'
import { Entry } from './rating'
import { Stars } from './stars'
import { useTexts } from './texts'

/** What people think of a nano. */
export function RatingsPanel({ nano }: { nano: Nano }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const [sort, setSort] = useState<Sort>('newest')
  const [page, setPage] = useState(1)
  const { data, error, isPlaceholderData, refetch } = useQuery(ratingPage(nano.id, sort, page))
  const changed = () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ratingsKey(nano.id) }),
      queries.invalidateQueries({ queryKey: nanoDetail(nano.id).queryKey, exact: true }),
      queries.invalidateQueries({ queryKey: ['catalogue'] }),
    ])
  const pages = Math.ceil((data?.meta?.total ?? 0) / (data?.meta?.per_page ?? 1))
  return (
    <Panel title={t('title')}>
      {!data && !error && <Loading />}
      {!data && error && <FailureNotice error={error} retry={() => void refetch()} />}
      {data && (
        <div className="space-y-6">
          {data.data.rating_count > 0 ? <Summary ratings={data.data} /> : <p>{t('none')}</p>}
          <Own nano={nano} own={data.data.own} onChange={changed} />
          {data.data.rating_count > 1 && (
            <div className="max-w-60">
              <Select
                label={t('sort')}
                value={sort}
                onChange={(event) => {
                  setSort(event.target.value as Sort)
                  setPage(1)
                }}
                options={SORTS.map((order) => [order, t(`sorts.${order}`)] as const)}
              />
            </div>
          )}
          <ul
            aria-busy={isPlaceholderData}
            className={`divide-y divide-line ${isPlaceholderData ? 'opacity-60' : ''}`}
          >
            {data.data.ratings.map((rating) => (
              <Entry
                key={rating.id}
                nano={nano}
                rating={rating}
                helpful={data.data.found_helpful?.includes(rating.id) ?? false}
                onChange={changed}
              />
            ))}
          </ul>
          {pages > 1 && (
            <div className="flex flex-wrap items-center gap-3">
              <Button blocked={page <= 1} onClick={() => setPage(page - 1)}>
                {t('previous')}
              </Button>
              <p role="status" className="text-sm text-muted">
                {t('page', { page })}
              </p>
              <Button blocked={page >= pages} onClick={() => setPage(page + 1)}>
                {t('more')}
              </Button>
            </div>
          )}
        </div>
      )}
    </Panel>
  )
}

const FROM_BEST = [5, 4, 3, 2, 1] as const

/** Average and distribution, the best score first. */
function Summary({ ratings }: { ratings: Ratings }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { average_rating: average, rating_count: all, distribution } = ratings
  const given = FROM_BEST.map((score) => [score, distribution[score]] as const)
  return (
    <div className="grid gap-x-10 gap-y-4 sm:grid-cols-[auto_minmax(0,24rem)]">
      <div>
        <p className="text-3xl font-semibold">
          <span aria-hidden="true">{count(average, language)}</span>
        </p>
        <Stars score={average} />
        <p className="text-sm text-muted">{t('count', { count: all })}</p>
      </div>
      <table>
        <caption className="sr-only">{t('distribution')}</caption>
        <tbody>
          {given.map(([score, times]) => (
            <tr key={score}>
              <th scope="row" className="pr-3 text-left font-normal text-muted">
                <span aria-hidden="true">{score}</span>
                <span className="sr-only">{t('stars', { count: score })}</span>
              </th>
              <td aria-hidden="true" className="w-full">
                <div className="h-2 overflow-hidden rounded-full bg-sunken">
                  <div className="h-full bg-accent" style={{ width: `${(100 * times) / all}%` }} />
                </div>
              </td>
              <td className="pl-3 text-right text-sm text-muted tabular-nums">{count(times, language)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
