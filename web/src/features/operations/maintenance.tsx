import { useQuery, useQueryClient } from '@tanstack/react-query'
import { maintenance } from '../../api/maintenance'
import type { Maintenance } from '../../api/types'
import { span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Select } from '../../parts/field'
import { text } from '../../parts/form'
import { ReasonForm } from '../../parts/reason-form'
import { beginMaintenance, endMaintenance } from './api'
import { Frame } from './frame'
import { Act, Ago, Card, Moment, Reasoned, Shown, useDone } from './kit'
import { useNow } from './reads'
import { useTexts } from './texts'

/** Whether changes are refused just now, and the way in and out of that. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  const state = useQuery(maintenance)
  return (
    <Frame title={t('maintenance.title')} said={said}>
      <p className="max-w-3xl text-muted">{t('maintenance.lead')}</p>
      <Shown query={state}>
        {(state) => (state.on ? <On state={state} onDone={done} /> : <Off onDone={done} />)}
      </Shown>
    </Frame>
  )
}

interface OffProps {
  onDone: (words: string) => void
}

function Off({ onDone }: OffProps) {
  const { t } = useTexts()
  return (
    <Card
      title={t('maintenance.off')}
      beside={
        <Act action={t('maintenance.begin')} title={t('maintenance.beginTitle')} look="danger">
          <BeginForm action={t('maintenance.begin')} onDone={() => onDone(t('maintenance.begun'))} />
        </Act>
      }
    >
      <p>{t('maintenance.offText')}</p>
    </Card>
  )
}

function On({ state, onDone }: OffProps & { state: Maintenance }) {
  const { t } = useTexts()
  const language = useLanguage()
  const queries = useQueryClient()
  const now = useNow(5_000)
  const { reason, since, retry_after_seconds: wait } = state
  return (
    <Card
      title={<span className="text-warn">{t('maintenance.on')}</span>}
      beside={
        <span className="flex flex-wrap gap-2">
          <Act action={t('maintenance.change')} title={t('maintenance.changeTitle')}>
            <BeginForm
              state={state}
              action={t('maintenance.change')}
              onDone={() => onDone(t('maintenance.changed'))}
            />
          </Act>
          <Act action={t('maintenance.end')} title={t('maintenance.endTitle')} look="primary">
            <Reasoned
              action={t('maintenance.end')}
              explanation={t('maintenance.endText')}
              send={(_, reason) => endMaintenance(reason)}
              onDone={() => {
                queries.setQueryData(maintenance.queryKey, { on: false })
                onDone(t('maintenance.ended'))
              }}
            />
          </Act>
        </span>
      }
    >
      <p className="text-lg wrap-anywhere whitespace-pre-line">{reason}</p>
      <dl className="mt-3 grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1 text-sm">
        <dt className="text-muted">{t('maintenance.since')}</dt>
        <dd>
          {since && (
            <>
              <Moment time={since} /> (<Ago time={since} now={now} />)
            </>
          )}
        </dd>
        <dt className="text-muted">{t('maintenance.retry')}</dt>
        <dd>{wait == null ? '–' : span(wait * 1_000, language)}</dd>
      </dl>
      <p className="mt-3 text-sm text-muted">{t('maintenance.onText')}</p>
    </Card>
  )
}

/** After how many seconds those who are refused may ask again. */
const WAITS = [60, 300, 900, 3_600, 14_400, 86_400]

interface BeginFormProps {
  /** What it is by now, when it has begun. */
  state?: Maintenance
  action: string
  onDone: () => void
}

/** The message for everybody, which is the reason in the audit log, too. */
function BeginForm({ state, action, onDone }: BeginFormProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const queries = useQueryClient()
  const wait = state?.retry_after_seconds ?? 300
  const waits = WAITS.includes(wait) ? WAITS : [...WAITS, wait].sort((a, b) => a - b)
  return (
    <ReasonForm
      action={action}
      danger={!state}
      explanation={t(state ? 'maintenance.changeText' : 'maintenance.beginText')}
      reason={t('maintenance.message')}
      hint={t('maintenance.messageHint')}
      initial={state?.reason ?? ''}
      send={(values, reason) => beginMaintenance(reason, Number(text(values, 'wait')))}
      onDone={(begun) => {
        queries.setQueryData(maintenance.queryKey, begun)
        onDone()
      }}
    >
      {(fields) => (
        <Select
          label={t('maintenance.retry')}
          name="wait"
          defaultValue={String(wait)}
          options={waits.map((seconds) => [String(seconds), span(seconds * 1_000, language)] as const)}
          error={fields.retry_after_seconds}
        />
      )}
    </ReasonForm>
  )
}
