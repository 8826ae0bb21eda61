import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTexts } from '../features/studio/texts'
import { useNavigate, useParams } from '../app/navigation'
import { nanoDetail, removeNano, restoreNano, withdrawNano } from '../api/nanos'
import { suggestions } from '../api/suggestions'
import type { NanoDetail, PendingEdit, VersionDetail } from '../api/types'
import { useNanoEvents } from '../live/use-nano-events'
import { ButtonLink } from '../parts/button'
import { Confirm } from '../parts/confirm'
import { Contents } from '../parts/contents'
import { Facts } from '../parts/facts'
import { Notes, Rejections, ScanFindings, StepNotes } from '../parts/findings'
import { FailureNotice } from '../parts/notice'
import { Loading, Page, Panel } from '../parts/page'
import { Picture } from '../parts/picture'
import { StatusBadge } from '../parts/status'
import type { NanoEvent } from '../pipeline/events'
import { isMoving, moderatorsReason, steps } from '../pipeline/steps'
import { Timeline } from '../pipeline/timeline'
import { Words } from '../parts/words'
import { UploadPanel } from '../upload/panel'
import { useMe } from '../session/store'
import { dismiss, useUploads } from '../upload/uploads'

/** Progress inside a step makes no event: while something runs, it is looked up. */
const LOOK_MS = 1_000
/** The same while it only waits for its turn, or the server is away. */
const LOOK_AGAIN_MS = 5_000
/** What a person does is not in a hurry. */
const LOOK_FOR_REVIEW_MS = 20_000

const creatorOf = ({ creator }: NanoDetail) => creator.id

/** One of the creator's nanos: its file, the checks, the details. */
export function Component() {
  const { t } = useTexts()
  const { id = '' } = useParams()
  const me = useMe()
  const [moving, setMoving] = useState(false)
  const creator = useQuery({ ...nanoDetail(id), select: creatorOf }).data
  const { events, live } = useNanoEvents(id, { moving, own: creator === me?.id })
  const nano = useQuery({
    ...nanoDetail(id),
    refetchInterval: ({ state }) => {
      const version = state.data?.latest_version
      if (!version) return false
      const all = steps(version, events)
      if (version.state === 'pending_review') return LOOK_FOR_REVIEW_MS
      if (!isMoving(version, all)) return false
      return state.error || !all.some(({ state }) => state === 'running') ? LOOK_AGAIN_MS : LOOK_MS
    },
  })
  const version = nano.data?.latest_version
  const moves = version ? isMoving(version, steps(version, events)) : false
  if (moves !== moving) setMoving(moves)
  if (nano.isPending) return <Loading />
  if (!nano.data) {
    return (
      <Page title={t('studio.title')} narrow>
        <FailureNotice error={nano.error} retry={() => void nano.refetch()} />
      </Page>
    )
  }
  return <Workbench nano={nano.data} outdated={nano.error} events={events} live={live} />
}

interface WorkbenchProps {
  nano: NanoDetail
  /** Why what is shown may not be the latest. */
  outdated: unknown
  events: NanoEvent[]
  live: boolean
}

function Workbench({ nano, outdated, events, live }: WorkbenchProps) {
  const { t } = useTexts()
  const version = nano.latest_version
  return (
    <Page
      title={nano.title}
      heading={<span lang={nano.language}>{nano.title}</span>}
      actions={<StatusBadge status={nano.status} />}
    >
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="space-y-6">
          {outdated !== null && <FailureNotice error={outdated} />}
          {version?.state === 'rejected' && <Rejected version={version} events={events} />}
          <File nano={nano} />
          {version && (
            <Panel title={t('pipeline.title')}>
              <Timeline version={version} events={events} live={live} />
            </Panel>
          )}
          {nano.pending_edit && <Edited edit={nano.pending_edit} language={nano.language} />}
          {version && <Findings version={version} nanoId={nano.id} />}
          {version?.manifest && (
            <Panel title={t('nano.contents')}>
              <Contents entries={version.manifest} />
            </Panel>
          )}
        </div>
        <Aside nano={nano} />
      </div>
    </Page>
  )
}

/** The upload, unless a version is on its way already. */
function File({ nano }: { nano: NanoDetail }) {
  const { t } = useTexts()
  const queries = useQueryClient()
  const transfer = useUploads(({ transfers }) => transfers[nano.id])
  const version = nano.latest_version
  const arrived = transfer?.phase === 'done' && transfer.versionId === version?.id
  const finished = transfer?.phase === 'done'
  useEffect(() => {
    if (arrived) dismiss(nano.id)
    // Not left to the event stream, which may be away.
    else if (finished) void queries.invalidateQueries({ queryKey: ['nano', nano.id] })
  }, [arrived, finished, nano.id, queries])
  const open = version?.state === 'processing' || version?.state === 'pending_review'
  const takes = ['draft', 'rejected', 'published'].includes(nano.status) && !open
  if (arrived || (!takes && !transfer)) return null
  const next = nano.status === 'published'
  return (
    <Panel title={next ? t('upload.titleNext') : t('upload.title')}>
      <UploadPanel nanoId={nano.id} format={nano.format} next={next} />
    </Panel>
  )
}

function Rejected({ version, events }: { version: VersionDetail; events: NanoEvent[] }) {
  const { t } = useTexts()
  const { report, scan } = version
  const reason = moderatorsReason(version, events)
  if (report && !report.accepted) {
    return (
      <Panel title={t('report.rejectedTitle')}>
        <Rejections report={report} />
      </Panel>
    )
  }
  if (reason) {
    return (
      <Panel title={t('report.rejectedByReview')}>
        <p className="border-l-4 border-bad pl-4 whitespace-pre-line">{reason}</p>
      </Panel>
    )
  }
  const blocked = scan?.findings.filter((finding) => finding.action === 'quarantine') ?? []
  if (blocked.length === 0) return null
  return (
    <Panel title={t('report.quarantinedTitle')}>
      <ScanFindings scan={{ findings: blocked }} />
    </Panel>
  )
}

/** New words of a published nano, until they are public. */
function Edited({ edit, language }: { edit: PendingEdit; language: string }) {
  const { t } = useTexts()
  return (
    <Panel title={t('studio.editedTitle')}>
      <p className="text-muted">{t(edit.findings ? 'studio.editedHeld' : 'studio.editedScanned')}</p>
      <Words edit={edit} language={language} />
      {edit.findings && edit.findings.length > 0 && <ScanFindings scan={{ findings: edit.findings }} />}
    </Panel>
  )
}

/** What the checks noted, in the order they run. */
function Findings({
  version: { report, scan, notes: steps },
  nanoId,
}: {
  version: VersionDetail
  nanoId: string
}) {
  const { t } = useTexts()
  const notes = report?.findings.some((finding) => finding.severity === 'note')
  return (
    <>
      {report && notes && (
        <Panel title={t('report.notesTitle')}>
          <Notes report={report} />
        </Panel>
      )}
      {report?.package && (
        <Panel title={t('report.packageTitle')}>
          <p>{t(`report.package.${report.package.kind}`)}</p>
          {report.package.start_page && (
            <p className="text-sm text-muted">
              {t('report.startPage')}:{' '}
              <span className="font-mono break-all text-ink">{report.package.start_page}</span>
            </p>
          )}
          {Object.keys(suggestions(report.package)).length > 0 && (
            <div className="mt-3">
              <ButtonLink to={`/studio/nanos/${nanoId}/edit?from=package`}>{t('studio.takeOver')}</ButtonLink>
            </div>
          )}
        </Panel>
      )}
      {steps && steps.length > 0 && (
        <Panel title={t('report.stepsTitle')}>
          <StepNotes notes={steps} />
        </Panel>
      )}
      {scan && scan.findings.length > 0 && (
        <Panel title={t('report.scanTitle')}>
          <ScanFindings scan={scan} />
        </Panel>
      )}
    </>
  )
}

function Aside({ nano }: { nano: NanoDetail }) {
  const { t } = useTexts()
  return (
    <aside className="space-y-4">
      <Panel title={t('studio.details')}>
        <div className="space-y-4">
          <div className="overflow-hidden rounded-lg">
            <Picture nano={nano} sizes="20rem" />
          </div>
          <p lang={nano.language} className="whitespace-pre-line">
            {nano.description}
          </p>
          <Facts nano={nano} />
          {['draft', 'rejected', 'published'].includes(nano.status) && (
            <ButtonLink className="w-full" to={`/studio/nanos/${nano.id}/edit`}>
              {t('studio.edit')}
            </ButtonLink>
          )}
          {nano.status === 'published' && (
            <ButtonLink className="w-full" to={`/nanos/${nano.id}`}>
              {t('studio.view')}
            </ButtonLink>
          )}
          <Moves nano={nano} />
        </div>
      </Panel>
    </aside>
  )
}

/** Where the nano can go from here. */
function Moves({ nano }: { nano: NanoDetail }) {
  const { t } = useTexts()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const then = async (move: Promise<unknown>) => {
    await move
    void queries.invalidateQueries({ queryKey: ['mine'] })
    void queries.invalidateQueries({ queryKey: ['catalogue'] })
    await queries.invalidateQueries({ queryKey: ['nano', nano.id] })
  }
  switch (nano.status) {
    case 'pending_review':
      return (
        <Confirm
          name={nano.title}
          action={t('studio.withdraw')}
          text={t('studio.withdrawText')}
          onConfirm={() => then(withdrawNano(nano.id))}
        />
      )
    case 'published':
      return (
        <Confirm
          name={nano.title}
          action={t('studio.archive')}
          text={t('studio.archiveText')}
          onConfirm={() => then(removeNano(nano.id))}
        />
      )
    case 'archived':
      return (
        <Confirm
          name={nano.title}
          action={t('studio.restore')}
          text={t('studio.restoreText')}
          onConfirm={() => then(restoreNano(nano.id))}
        />
      )
    case 'draft':
    case 'processing':
    case 'rejected':
      return (
        <Confirm
          danger
          name={nano.title}
          action={t('studio.delete')}
          text={t('studio.deleteText')}
          onConfirm={async () => {
            await removeNano(nano.id)
            await queries.invalidateQueries({ queryKey: ['mine'] })
            await navigate('/studio')
          }}
        />
      )
    default:
      return null
  }
}
