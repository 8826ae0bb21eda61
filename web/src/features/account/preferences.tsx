import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { FailureNotice } from '../../parts/notice'
import { Loading, Panel } from '../../parts/page'
import { useTexts } from './texts'
import { prefer, preferences, type Preference } from './told'

/** By which channels one is told of what. */
export function Preferences() {
  const { t } = useTexts()
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery(preferences)
  const change = useMutation({
    mutationFn: async ({
      kind,
      ...channel
    }: {
      kind: Preference['kind']
      in_app?: boolean
      mail?: boolean
    }) => {
      await prefer(kind, channel)
      await queries.invalidateQueries(preferences)
    },
  })
  return (
    <Panel title={t('notifications.channels')}>
      <p className="mb-4">{t('notifications.channelsText')}</p>
      {!data && !error && <Loading />}
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {change.error && <FailureNotice error={change.error} />}
      {data && (
        <table className="w-full">
          <thead>
            <tr className="border-b border-line text-left text-sm text-muted">
              <th scope="col" className="py-2 font-medium">
                {t('notifications.what')}
              </th>
              <th scope="col" className="w-20 py-2 text-center font-medium">
                {t('notifications.inApp')}
              </th>
              <th scope="col" className="w-20 py-2 text-center font-medium">
                {t('notifications.byMail')}
              </th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {data.map(({ kind, in_app, mail, is_always_in_app: always }) => (
              <tr key={kind}>
                <th scope="row" className="py-1 pr-3 text-left font-normal">
                  {t(`notifications.kind.${kind}`)}
                </th>
                <td className="text-center">
                  <Box
                    label={`${t('notifications.inApp')}: ${t(`notifications.kind.${kind}`)}`}
                    checked={in_app}
                    fixed={always}
                    onChange={(in_app) => change.mutate({ kind, in_app })}
                  />
                </td>
                <td className="text-center">
                  <Box
                    label={`${t('notifications.byMail')}: ${t(`notifications.kind.${kind}`)}`}
                    checked={mail}
                    onChange={(mail) => change.mutate({ kind, mail })}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

interface BoxProps {
  label: string
  checked: boolean
  fixed?: boolean
  onChange: (checked: boolean) => void
}

function Box({ label, checked, fixed, onChange }: BoxProps) {
  return (
    <label className="inline-flex size-11 items-center justify-center">
      <input
        type="checkbox"
        aria-label={label}
        checked={checked}
        disabled={fixed}
        onChange={(event) => onChange(event.target.checked)}
        className="size-5 accent-accent"
      />
    </label>
  )
}
