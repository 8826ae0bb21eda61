import { useRef, useState } from 'react'
import { describe, isAway } from '../../api/failure'
import { Bar } from '../../parts/bar'
import { keyring, type Action } from './actions'
import { act, type Job } from './api'
import { Reasoned } from './kit'
import { useTexts } from './texts'

interface PickedFormProps {
  action: Action
  jobs: readonly Job[]
  /** That were chosen, too, and whose state does not fit. */
  others: number
  onDone: (words: string) => void
}

/** One act upon several jobs, one after the other. What the server cannot do goes on where it was when it is sent again. */
export function PickedForm({ action, jobs: fitting, others, onDone }: PickedFormProps) {
  const { t } = useTexts()
  // What was chosen: the list behind the dialog goes on, and changes which states fit.
  const [jobs] = useState(fitting)
  const [done, setDone] = useState(0)
  const finished = useRef(new Map<string, boolean>())
  const keys = useRef(new Map(jobs.map(({ id }) => [id, keyring()])))
  const send = async (reason: string) => {
    for (const { id } of jobs) {
      if (finished.current.has(id)) continue
      try {
        await act(id, action, reason, keys.current.get(id)?.([action, reason]) ?? '')
        finished.current.set(id, true)
      } catch (error) {
        // Its state is another one by now, or it is gone: the others are done all the same.
        const { code } = describe(error)
        if (isAway(error) || !['JOB_STATE', 'JOB_KEY_TAKEN', 'NOT_FOUND'].includes(code)) throw error
        finished.current.set(id, false)
      }
      setDone(finished.current.size)
    }
    return [...finished.current.values()].filter((well) => !well).length
  }
  return (
    <Reasoned
      action={t(`action.${action}`)}
      danger={action === 'discard' || action === 'cancel'}
      explanation={
        <>
          <p>{t(`explained.${action}`)}</p>
          {others > 0 && <p className="mt-2 text-warn">{t('jobs.others', { count: others })}</p>}
          {done > 0 && (
            <Bar
              part={done / jobs.length}
              label={t('jobs.progress', { done, total: jobs.length })}
              className="mt-3 h-2"
            />
          )}
        </>
      }
      send={(_, reason) => send(reason)}
      onDone={(refused) =>
        onDone(
          [
            t(`done.${action}`, { count: jobs.length - refused }),
            refused > 0 ? t('done.refused', { count: refused }) : '',
          ]
            .join(' ')
            .trim(),
        )
      }
    />
  )
}
