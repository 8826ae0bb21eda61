import { useState } from 'react'
import { Select } from '../../parts/field'
import { text } from '../../parts/form'
import { ACTIONS, changeable, fits, keyring, type Action } from './actions'
import { act, change, type JobDetail, type Wanted } from './api'
import { Act, Reasoned } from './kit'
import { useQueues } from './reads'
import { useTexts } from './texts'

interface JobActionsProps {
  job: JobDetail
  onDone: (words: string) => void
}

/** What can be done to a job; what its state does not allow is there, too, and says so. */
export function JobActions({ job, onDone }: JobActionsProps) {
  const { t } = useTexts()
  // What helps first; running a completed job again is for those alone.
  const shown = ACTIONS.filter(
    (action) => (job.state === 'completed') === (action === 'rerun') || fits(action, job.state),
  )
  const main = shown.find((action) => fits(action, job.state) && (action === 'retry' || action === 'rerun'))
  return (
    <div className="flex flex-wrap gap-2">
      {shown.map((action) => (
        <OneAction key={action} {...{ action, job, onDone }} main={action === main} />
      ))}
      <Act
        action={t('change.action')}
        title={t('change.action')}
        why={changeable(job.state) ? undefined : t('why.change')}
      >
        <Change job={job} onDone={onDone} />
      </Act>
    </div>
  )
}

function OneAction({ action, job, main, onDone }: JobActionsProps & { action: Action; main: boolean }) {
  const { t } = useTexts()
  const [key] = useState(keyring)
  const danger = action === 'discard' || action === 'cancel'
  const flows = (action === 'retry' || action === 'cancel') && job.children.length > 0
  return (
    <Act
      action={t(`action.${action}`)}
      title={t('job.sure', { action: t(`action.${action}`), kind: job.kind })}
      look={main ? 'primary' : danger ? 'danger' : 'secondary'}
      why={fits(action, job.state) ? undefined : t(`why.${action}`)}
    >
      <Reasoned
        action={t(`action.${action}`)}
        danger={danger}
        explanation={t(`explained.${action}`)}
        send={(values, reason) => {
          const flow = values.has('flow')
          return act(job.id, action, reason, key([action, reason, flow]), flow)
        }}
        onDone={({ asked, changed, skipped }) =>
          onDone(
            [
              asked > 0 ? t('done.asked') : t(`done.${action}`, { count: changed }),
              skipped > 0 ? t('done.skipped', { count: skipped }) : '',
            ]
              .join(' ')
              .trim(),
          )
        }
      >
        {() =>
          flows && (
            <label className="flex min-h-9 items-center gap-2">
              <input type="checkbox" name="flow" className="size-4 accent-accent" />
              {t(`job.flow.${action as 'retry'}`, { count: job.children.length })}
            </label>
          )
        }
      </Reasoned>
    </Act>
  )
}

/** 0 first to 4 last. */
const PRIORITIES = ['0', '1', '2', '3', '4'] as const
const TIMES = ['', '0', '900', '3600', '86400'] as const

/** When it may run, how urgent it is, and who has it. */
function Change({ job, onDone }: JobActionsProps) {
  const { t } = useTexts()
  const queues = useQueues().data?.queues ?? []
  const names = queues.length > 0 ? queues.map(({ name }) => name) : [job.queue]
  return (
    <Reasoned
      action={t('change.save')}
      explanation={t('change.text')}
      send={(values, reason) => {
        const wanted: Wanted = { reason }
        const time = text(values, 'time')
        const priority = Number(text(values, 'priority'))
        const queue = text(values, 'queue')
        if (time !== '') wanted.run_at = new Date(Date.now() + Number(time) * 1000).toISOString()
        if (priority !== job.priority) wanted.priority = priority
        if (queue !== job.queue) wanted.queue = queue
        return change(job.id, wanted)
      }}
      onDone={() => onDone(t('change.done'))}
    >
      {(fields) => (
        <>
          {job.state !== 'waiting' && (
            <Select
              label={t('change.time')}
              name="time"
              defaultValue=""
              options={TIMES.map((seconds) => [seconds, t(`change.times.${seconds || 'same'}`)] as const)}
              error={fields.run_at}
            />
          )}
          <Select
            label={t('change.priority')}
            name="priority"
            defaultValue={String(job.priority)}
            options={PRIORITIES.map((value) => [value, t(`change.priorities.${value}`)] as const)}
            error={fields.priority}
          />
          <Select
            label={t('jobs.queue')}
            name="queue"
            defaultValue={job.queue}
            options={names.map((name) => [name, name] as const)}
            error={fields.queue}
          />
        </>
      )}
    </Reasoned>
  )
}
