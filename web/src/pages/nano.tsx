import { useEffect } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useLanguage, useTranslation } from '../i18n/setup'
import { STAY } from '../app/history'
import { Link, useParams, useSearchParams } from '../app/navigation'
import { part } from '../app/part'
import { categoryName, findCategory } from '../api/category-options'
import { levelWord } from '../api/choices'
import { describe, isGone } from '../api/failure'
import { categories, downloadLink, nanoDetail, publishedVersion } from '../api/nanos'
import type { Entry, NanoDetail, VersionDetail } from '../api/types'
import { Keep } from '../features/collections/keep'
import { bytes, count, date, languageName } from '../format'
import { Button, ButtonLink } from '../parts/button'
import { Icon } from '../parts/icon'
import { FailureNotice, Notice } from '../parts/notice'
import { Loading, Page, Panel } from '../parts/page'
import { Picture } from '../parts/picture'
import { onTheWay } from '../session/next'
import { useMe, useSession } from '../session/store'

// They are below what people come for.
const RatingsPanel = part<{ nano: NanoDetail }>(
  async () => (await import('../features/ratings/ratings')).RatingsPanel,
  <Loading />,
)

const WriteToCreator = part<{ nano: NanoDetail }>(
  async () => (await import('../features/chat/doors')).WriteToCreator,
  <div className="min-h-11" />,
)

// It has something to show once the version is there.
const Contents = part<{ entries: readonly Entry[] }>(
  async () => (await import('../parts/contents')).Contents,
  <Loading />,
)

// Most people have confirmed their address.
const Resend = part<{ email: string; next: string }>(
  async () => (await import('../parts/resend')).Resend,
  <div className="min-h-11" />,
)

/** One nano, as everybody sees it. */
export function Component() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const nano = useQuery(nanoDetail(id))
  if (nano.isPending) return <Loading />
  if (isGone(nano.error)) {
    return (
      <Page title={t('nano.gone')} narrow>
        <p className="mb-6 text-muted">{t('nano.goneText')}</p>
        <ButtonLink to="/">{t('missing.home')}</ButtonLink>
      </Page>
    )
  }
  if (!nano.data) {
    return (
      <Page title={t('catalogue.title')} narrow>
        <FailureNotice error={nano.error} retry={() => void nano.refetch()} />
      </Page>
    )
  }
  return <Detail nano={nano.data} />
}

function Detail({ nano }: { nano: NanoDetail }) {
  const { t } = useTranslation()
  const me = useMe()
  const { data: version } = useQuery({ ...publishedVersion(nano.id), enabled: nano.status === 'published' })
  const mine = me?.id === nano.creator.id
  return (
    <Page
      title={nano.title}
      heading={<span lang={nano.language}>{nano.title}</span>}
      actions={mine && <ButtonLink to={`/studio/nanos/${nano.id}`}>{t('nano.openInStudio')}</ButtonLink>}
    >
      {nano.status !== 'published' && (
        <div className="mb-6">
          <Notice tone="warn">{t('nano.notPublic', { status: t(`status.${nano.status}`) })}</Notice>
        </div>
      )}
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="space-y-6">
          <div className="overflow-hidden rounded-xl border border-line">
            <Picture nano={nano} eager sizes="(min-width: 64rem) 47rem, 100vw" />
          </div>
          <p lang={nano.language} className="max-w-prose text-lg leading-relaxed whitespace-pre-line">
            {nano.description}
          </p>
        </div>
        <aside className="space-y-4 lg:row-span-2">
          {nano.status === 'published' && <Download nano={nano} version={version} />}
          {nano.status === 'published' && <Keep nano={nano} />}
          {me?.email_verified && !mine && nano.status === 'published' && <WriteToCreator nano={nano} />}
          <FactSheet nano={nano} version={version} />
        </aside>
        {version?.manifest && (
          <Panel title={t('nano.contents')}>
            <Contents entries={version.manifest} />
          </Panel>
        )}
        {nano.status === 'published' && (
          <div className="lg:col-start-1">
            <RatingsPanel nano={nano} />
          </div>
        )}
      </div>
    </Page>
  )
}

function Download({ nano, version }: { nano: NanoDetail; version?: VersionDetail | null }) {
  const { t } = useTranslation()
  const language = useLanguage()
  const me = useMe()
  const download = useMutation({
    mutationFn: () => downloadLink(nano.id),
    // The answer names an attachment: the browser saves it and stays on this page.
    onSuccess: ({ url }) => location.assign(url),
  })
  const phase = useSession((session) => session.phase)
  const [params, setParams] = useSearchParams()
  const { mutate } = download
  const wanted = params.has('download') && me?.email_verified === true
  // Whoever had to sign in, register or confirm an address for it gets what they came for.
  useEffect(() => {
    if (!wanted) return
    setParams({}, { replace: true, ...STAY })
    mutate()
  }, [wanted, setParams, mutate])
  if (phase === 'restoring')
    return (
      <Button className="w-full" look="primary" busy>
        {t('nano.download')}
      </Button>
    )
  if (!me) {
    return (
      <ButtonLink look="primary" className="w-full" to={onTheWay('/login', `/nanos/${nano.id}?download`)}>
        {t('nano.downloadLogin')}
      </ButtonLink>
    )
  }
  const unverified = !me.email_verified || describe(download.error).code === 'EMAIL_NOT_VERIFIED'
  return (
    <div className="space-y-3">
      <Button
        look="primary"
        className="w-full"
        busy={download.isPending}
        blocked={unverified}
        onClick={() => download.mutate()}
      >
        <Icon name="download" />
        {version?.size ? t('nano.downloadSize', { size: bytes(version.size, language) }) : t('nano.download')}
      </Button>
      <p role="status" className={download.isSuccess ? 'text-sm text-muted' : 'sr-only'}>
        {download.isSuccess && t('nano.downloadStarted')}
      </p>
      {unverified && (
        <Notice tone="info">
          <p className="mb-3">{t('nano.downloadUnverified', { email: me.email })}</p>
          <Resend email={me.email} next={`/nanos/${nano.id}?download`} />
        </Notice>
      )}
      {download.error && !unverified && <FailureNotice error={download.error} />}
    </div>
  )
}

function FactSheet({ nano, version }: { nano: NanoDetail; version?: VersionDetail | null }) {
  const { t } = useTranslation()
  const language = useLanguage()
  const { data: tree = [] } = useQuery(categories)
  const topics = nano.categories.map((slug) => {
    const category = findCategory(tree, slug)
    return { slug, name: category ? categoryName(category, language) : slug }
  })
  const rows = [
    [t('nano.creator'), nano.creator.name],
    [t('nano.duration'), t('nano.minutes', { count: nano.duration_minutes })],
    [t('level.label'), t(`level.${levelWord(nano.level)}`)],
    [t('nano.language'), languageName(nano.language, language)],
    [t('format.label'), t(`format.${nano.format}`)],
    [t('license.label'), t(`license.${nano.license}`)],
    [t('nano.published'), nano.published_at && date(nano.published_at, language)],
    [t('nano.version'), version?.semver],
    [t('nano.downloads'), count(nano.download_count, language)],
  ] as const
  return (
    <Panel>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2.5">
        {rows.map(
          ([name, value]) =>
            value && (
              <div key={name} className="contents">
                <dt className="text-muted">{name}</dt>
                <dd className="text-right">{value}</dd>
              </div>
            ),
        )}
        <dt className="text-muted">{t('nano.categories')}</dt>
        <dd className="text-right">
          {topics.map(({ slug, name }, place) => (
            <span key={slug}>
              {place > 0 && ', '}
              <Link to={`/?category=${encodeURIComponent(slug)}`} className="text-accent underline">
                {name}
              </Link>
            </span>
          ))}
        </dd>
      </dl>
    </Panel>
  )
}
