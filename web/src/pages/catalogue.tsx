import { useQuery } from '@tanstack/react-query'
import { useTranslation } from '../i18n/setup'
import { useSearchParams } from '../app/navigation'
import { cataloguePage, PER_PAGE, type CatalogueFilter, type CataloguePage } from '../api/nanos'
import { STAY } from '../app/history'
import { address, readFilter } from '../api/catalogue-filter'
import { CardPlaceholder, NanoCard } from '../parts/card'
import { Filters } from '../parts/filters'
import { FailureNotice, Notice } from '../parts/notice'
import { Empty, Page } from '../parts/page'
import { Stale } from '../parts/stale'
import { Pager } from '../parts/pager'

/** The catalogue: everything published, or what was searched for. The address says which part. */
export function Component() {
  const { t } = useTranslation()
  const [params, setParams] = useSearchParams()
  const filter = readFilter(params)
  const { data, error, dataUpdatedAt, isPlaceholderData, refetch } = useQuery(cataloguePage(filter))
  const change = (changed: Partial<CatalogueFilter>) => {
    const [, query = ''] = address({ ...filter, page: 1, ...changed }).split('?')
    setParams(new URLSearchParams(query), STAY)
  }
  return (
    <Page
      title={filter.q || t('catalogue.title')}
      heading={
        <span className="block max-w-md text-[2.125rem] leading-tight font-bold tracking-tight sm:max-w-lg sm:text-[3.25rem]">
          {t('site.claim')}
        </span>
      }
    >
      <p className="-mt-3 mb-6 max-w-xl text-lg text-muted">{t('site.lead')}</p>
      <Filters filter={filter} onChange={change} />
      <p role="status" className="mt-6 mb-4 min-h-6 text-muted">
        {data && <Summary page={data} filter={filter} />}
      </p>
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {error && data && <Stale since={dataUpdatedAt} retry={() => void refetch()} />}
      {data?.meta.degraded && (
        <div className="mb-4">
          <Notice tone="warn">{t('catalogue.degraded')}</Notice>
        </div>
      )}
      {data?.corrected && data.nanos.length > 0 && <p className="mb-4">{t('catalogue.corrected')}</p>}
      {!(error && !data) && <Results page={data} stale={isPlaceholderData} filter={filter} />}
      {data && <Pager meta={data.meta} to={(page) => address({ ...filter, page })} />}
    </Page>
  )
}

function Summary({ page: { meta }, filter }: { page: CataloguePage; filter: CatalogueFilter }) {
  const { t } = useTranslation()
  const count = meta.total ?? 0
  const found = meta.total_capped ? t('catalogue.foundCapped', { count }) : t('catalogue.found', { count })
  return (
    <>
      {found}
      {filter.q && ` ${t('catalogue.foundFor', { query: filter.q })}`}
    </>
  )
}

function Results({ page, stale, filter }: { page?: CataloguePage; stale: boolean; filter: CatalogueFilter }) {
  const { t } = useTranslation()
  if (page?.nanos.length === 0) {
    const narrowed =
      filter.q || filter.category || filter.level || filter.language || filter.minutes || filter.page > 1
    return (
      <Empty
        title={t('catalogue.empty')}
        text={narrowed ? t('catalogue.emptySearch') : t('catalogue.emptyCatalogue')}
      />
    )
  }
  return (
    <ul
      aria-busy={!page || stale}
      className={`grid gap-5 transition-opacity sm:grid-cols-2 lg:grid-cols-3 ${stale ? 'opacity-60' : ''}`}
    >
      {page
        ? page.nanos.map((nano, place) => (
            <li key={nano.id}>
              <NanoCard nano={nano} eager={place < 3} />
            </li>
          ))
        : Array.from({ length: PER_PAGE / 4 }, (_, place) => (
            <li key={place}>
              <CardPlaceholder />
            </li>
          ))}
    </ul>
  )
}
