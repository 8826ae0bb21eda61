import type { JobFilter } from './api'
import { NOTHING } from './filter'
import { Frame } from './frame'
import { JobList } from './job-list'
import { useDone } from './kit'
import { useTexts } from './texts'

const QUARANTINED: JobFilter = { ...NOTHING, state: ['quarantined'] }

/** Jobs that were set aside because their process died of them, again and again. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  return (
    <Frame title={t('quarantine.title')} said={said}>
      <p className="max-w-3xl text-muted">{t('quarantine.lead')}</p>
      <JobList
        filter={QUARANTINED}
        empty={{ title: t('quarantine.empty'), text: t('quarantine.emptyText') }}
        onDone={done}
      />
    </Frame>
  )
}
