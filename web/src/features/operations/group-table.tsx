import { count } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { ButtonLink } from '../../parts/button'
import { Link } from '../../app/navigation'
import type { Count, Group } from './api'
import { BulkForm } from './bulk-form'
import { jobsAt, NOTHING } from './filter'
import { Act, Ago, TABLE, TD, TH, TR } from './kit'
import { useNow } from './reads'
import { useTexts } from './texts'

/** Jobs that a group's retry is about: those that were given up, and those that wait for their next run. */
export const stuck = ({ open, retrying }: Group): Count => ({
  count: open.count + retrying.count,
  capped: open.capped || retrying.capped,
})

/** Failures by their cause, each with the way to its jobs and a retry of all of them. */
export function GroupTable({
  groups,
  brief = false,
  onDone,
}: {
  groups: readonly Group[]
  /** Beside others: without history. */
  brief?: boolean
  onDone: (words: string) => void
}) {
  const { t } = useTexts()
  const language = useLanguage()
  const now = useNow(5_000)
  const counted = useCounted()
  const wide = brief ? 'hidden' : 'max-lg:hidden'
  return (
    <table className={TABLE}>
      <caption className="sr-only">{t('errors.title')}</caption>
      <thead className={brief ? 'sr-only' : ''}>
        <tr>
          <th scope="col" className={TH}>
            {t('errors.cause')}
          </th>
          <th scope="col" className={`${TH} text-right`}>
            {t('errors.open')}
          </th>
          <th scope="col" className={`${TH} text-right ${wide}`}>
            {t('errors.retrying')}
          </th>
          <th scope="col" className={`${TH} text-right ${wide}`}>
            {t('errors.failures')}
          </th>
          <th scope="col" className={`${TH} ${wide}`}>
            {t('errors.seen')}
          </th>
          <th scope="col" className={`${TH} max-sm:hidden`}>
            <span className="sr-only">{t('what')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => {
          return (
            <tr key={group.fingerprint} className={TR}>
              <td className={TD}>
                <Link
                  to={
                    brief
                      ? `/operations/errors?fingerprint=${group.fingerprint}`
                      : `/operations/jobs/${group.last_job_id}`
                  }
                  title={group.sample}
                  className="line-clamp-2 font-semibold wrap-anywhere hover:text-accent hover:underline"
                >
                  {group.sample || group.class}
                </Link>
                <span className="block font-mono text-xs wrap-anywhere text-muted">
                  {group.kind} · {group.class} · {group.fingerprint.slice(0, 6)}…
                </span>
                <span className="mt-2 flex flex-wrap gap-2 sm:hidden">
                  <GroupActions group={group} brief={brief} onDone={onDone} />
                </span>
              </td>
              <td className={`${TD} text-right tabular-nums`}>
                <span className={group.open.count > 0 ? 'font-semibold text-bad' : 'text-muted'}>
                  {counted(group.open)}
                  <span className={brief ? '' : 'sr-only'}> {t('errors.openWord')}</span>
                </span>
                <span className={`block text-xs text-muted ${brief ? '' : 'lg:hidden'}`}>
                  <Ago time={group.last_seen} now={now} />
                </span>
              </td>
              <td className={`${TD} text-right tabular-nums ${wide}`}>{counted(group.retrying)}</td>
              <td className={`${TD} text-right tabular-nums ${wide}`}>{count(group.failures, language)}</td>
              <td className={`${TD} ${wide}`}>
                <Ago time={group.last_seen} now={now} />
                <span className="block text-xs text-muted">
                  {t('errors.first')} <Ago time={group.first_seen} now={now} /> ·{' '}
                  {group.first_version === group.last_version
                    ? group.last_version
                    : `${group.first_version} – ${group.last_version}`}
                </span>
              </td>
              <td className={`${TD} max-sm:hidden`}>
                <div className="flex flex-wrap justify-end gap-2">
                  <GroupActions group={group} brief={brief} onDone={onDone} />
                </div>
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

/** The way to its jobs, and all of them retried. */
function GroupActions({
  group,
  brief,
  onDone,
}: {
  group: Group
  brief: boolean
  onDone: (words: string) => void
}) {
  const { t } = useTexts()
  const counted = useCounted()
  const all = stuck(group)
  return (
    <>
      {!brief && (
        <ButtonLink small to={jobsAt({ fingerprint: group.fingerprint })}>
          {t('errors.jobs')}
          <span className="sr-only"> ({group.kind})</span>
        </ButtonLink>
      )}
      <Act
        action={all.count > 0 ? `${t('action.retry')} (${counted(all)})` : t('action.retry')}
        about={group.sample || group.class}
        title={t('errors.retryTitle')}
        why={all.count > 0 ? undefined : t('why.noneLeft')}
      >
        <BulkForm filter={{ ...NOTHING, fingerprint: group.fingerprint }} fixed="retry" onDone={onDone} />
      </Act>
    </>
  )
}

/** A number as the language writes it, and whether there may be more. */
function useCounted() {
  const language = useLanguage()
  return ({ count: value, capped }: Count) => count(value, language) + (capped ? '+' : '')
}
