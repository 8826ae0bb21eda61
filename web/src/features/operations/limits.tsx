import { describe } from '../../api/failure'
import { span } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { text } from '../../parts/form'
import { liftLimit, setLimit, type Limit } from './api'
import { Act, Card, Reasoned, TABLE, TD, TH, TR } from './kit'
import { KindField, NumberField } from './pause'
import { useTexts } from './texts'

/** How much of a kind runs at a time, or begins in a time, in the whole fleet. */
export function Limits({ limits, onDone }: { limits: readonly Limit[]; onDone: (words: string) => void }) {
  const { t } = useTexts()
  const told = useToldChanged()
  return (
    <Card
      flush
      title={t('limits.title')}
      beside={
        <Act action={t('limits.new')} title={t('limits.new')}>
          <LimitForm onDone={onDone} />
        </Act>
      }
    >
      {limits.length === 0 ? (
        <p className="px-4 pb-4 text-muted">{t('limits.none')}</p>
      ) : (
        <table className={TABLE}>
          <caption className="sr-only">{t('limits.title')}</caption>
          <thead>
            <tr>
              <th scope="col" className={TH}>
                {t('chips.kind')}
              </th>
              <th scope="col" className={TH}>
                {t('limits.limit')}
              </th>
              <th scope="col" className={`${TH} max-md:hidden`}>
                {t('reason')}
              </th>
              <th scope="col" className={TH}>
                <span className="sr-only">{t('what')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {limits.map((limit) => (
              <tr key={limit.kind} className={TR}>
                <td className={`${TD} font-semibold`}>{limit.kind}</td>
                <td className={TD}>
                  <LimitText limit={limit} />
                </td>
                <td className={`${TD} wrap-anywhere text-muted max-md:hidden`}>{limit.reason}</td>
                <td className={TD}>
                  <div className="flex flex-wrap justify-end gap-2">
                    <Act
                      action={t('limits.change')}
                      about={limit.kind}
                      title={t('limits.changeTitle', { kind: limit.kind })}
                    >
                      <LimitForm limit={limit} onDone={onDone} />
                    </Act>
                    <Act
                      action={t('limits.lift')}
                      about={limit.kind}
                      title={t('limits.liftTitle', { kind: limit.kind })}
                    >
                      <Reasoned
                        action={t('limits.lift')}
                        explanation={t('limits.liftText')}
                        told={told}
                        send={(_, reason) => liftLimit(limit.kind, reason, limit.revision)}
                        onDone={() => onDone(t('limits.lifted', { kind: limit.kind }))}
                      />
                    </Act>
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}

function LimitText({ limit }: { limit: Limit }) {
  const { t } = useTexts()
  const language = useLanguage()
  const { max_running, max_running_per_tenant, rate, rate_seconds, burst } = limit
  const parts = [
    max_running && t('limits.atATime', { count: max_running }),
    max_running_per_tenant && t('limits.perOwner', { count: max_running_per_tenant }),
    rate && t('limits.starts', { count: rate, time: span((rate_seconds ?? 1) * 1000, language) }),
    rate && burst && burst > 1 && t('limits.atOnce', { count: burst }),
  ]
  return parts.filter(Boolean).join(' · ')
}

/** Somebody else was quicker: what they have done is on the page by now. */
function useToldChanged() {
  const { t } = useTexts()
  return (error: unknown) => {
    const failure = describe(error)
    return failure.code === 'PRECONDITION_FAILED' ? { ...failure, message: t('limits.changed') } : failure
  }
}

const FIELDS = ['max_running', 'max_running_per_tenant', 'rate', 'rate_seconds', 'burst'] as const

function LimitForm({ limit, onDone }: { limit?: Limit; onDone: (words: string) => void }) {
  const { t } = useTexts()
  return (
    <Reasoned
      action={t('limits.set')}
      explanation={t('limits.text')}
      told={useToldChanged()}
      send={async (values, reason) => {
        const kind = limit?.kind ?? text(values, 'kind')
        const wanted = Object.fromEntries(
          FIELDS.map((field) => [field, text(values, field)] as const)
            .filter(([, value]) => value !== '')
            .map(([field, value]) => [field, Number(value)]),
        )
        await setLimit(kind, { ...wanted, reason }, limit?.revision)
        return kind
      }}
      onDone={(kind) => onDone(t('limits.done', { kind }))}
    >
      {(errors) => (
        <>
          {!limit && <KindField error={errors.kind} />}
          <div className="grid gap-x-3 gap-y-4 sm:grid-cols-2">
            {FIELDS.map((field) => (
              <NumberField
                key={field}
                label={t(`limits.fields.${field}`)}
                name={field}
                value={limit?.[field]}
                error={errors[field]}
              />
            ))}
          </div>
        </>
      )}
    </Reasoned>
  )
}
