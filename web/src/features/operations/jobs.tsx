import { STAY } from '../../app/history'
import { useNavigate, useSearchParams } from '../../app/navigation'
import type { JobFilter } from './api'
import { Chips } from './chips'
import { jobsAt, readFilter, writeFilter } from './filter'
import { Frame } from './frame'
import { JobList } from './job-list'
import { useDone } from './kit'
import { useTexts } from './texts'

/** All jobs, or those of a filter that the address has. */
export function Component() {
  const { t } = useTexts()
  const navigate = useNavigate()
  const [params] = useSearchParams()
  const filter = readFilter(params)
  const [said, done] = useDone()
  const change = (changed: Partial<JobFilter>) => void navigate(jobsAt({ ...filter, ...changed }), STAY)
  return (
    <Frame title={t('jobs.title')} said={said}>
      <Chips filter={filter} onChange={change} />
      <JobList
        key={writeFilter(filter)}
        filter={filter}
        empty={{ title: t('jobs.empty'), text: t('jobs.emptyText') }}
        onDone={done}
      />
    </Frame>
  )
}
