import { Notice } from '../../parts/notice'
import type { Pause } from './api'
import { Frame } from './frame'
import { Ago, Card, Shown, TABLE, TD, TR, useDone } from './kit'
import { Limits } from './limits'
import { PauseButton, PauseKind } from './pause'
import { QueueTable } from './queue-table'
import { useNow, useQueues } from './reads'
import { useTexts } from './texts'

/** The queues, what is paused, and what is limited. */
export function Component() {
  const { t } = useTexts()
  const queues = useQueues()
  const [said, done] = useDone()
  return (
    <Frame
      title={t('queues.title')}
      said={said}
      live
      actions={
        queues.data && (
          <PauseButton what={{ scope: 'all' }} paused={Boolean(queues.data.paused)} onDone={done} />
        )
      }
    >
      <Shown query={queues}>
        {({ queues, paused, paused_kinds, limits, window_minutes }) => (
          <>
            {paused && (
              <Notice tone="warn">
                <p className="font-semibold">{t('queues.allPaused')}</p>
                <PauseText pause={paused} />
              </Notice>
            )}
            <p className="-mt-2 text-sm text-muted">{t('queues.window', { count: window_minutes })}</p>
            <Card flush>
              <QueueTable
                queues={queues}
                actions={({ name, paused }) => (
                  <PauseButton
                    what={{ scope: 'queue', name }}
                    about={name}
                    paused={Boolean(paused)}
                    onDone={done}
                  />
                )}
              />
            </Card>
            <PausedKinds kinds={paused_kinds} onDone={done} />
            <Limits limits={limits} onDone={done} />
          </>
        )}
      </Shown>
    </Frame>
  )
}

/** Why, since when and until when. */
function PauseText({ pause }: { pause: Pause }) {
  const { t } = useTexts()
  const now = useNow()
  return (
    <p className="text-sm">
      {pause.reason} · {pause.actor ? '' : `${t('queues.byNobody')} · `}
      <Ago time={pause.since} now={now} />
      {pause.until && (
        <>
          {' · '}
          {t('queues.ends')} <Ago ahead time={pause.until} now={now} />
        </>
      )}
    </p>
  )
}

function PausedKinds({ kinds, onDone }: { kinds: readonly Pause[]; onDone: (words: string) => void }) {
  const { t } = useTexts()
  return (
    <Card flush title={t('queues.kinds')} beside={<PauseKind onDone={onDone} />}>
      {kinds.length === 0 ? (
        <p className="px-4 pb-4 text-muted">{t('queues.noKinds')}</p>
      ) : (
        <table className={TABLE}>
          <caption className="sr-only">{t('queues.kinds')}</caption>
          <tbody>
            {kinds.map((pause) => (
              <tr key={pause.name} className={TR}>
                <th scope="row" className={TD}>
                  {pause.name}
                </th>
                <td className={`${TD} text-muted`}>
                  <PauseText pause={pause} />
                </td>
                <td className={`${TD} text-right`}>
                  <PauseButton
                    what={{ scope: 'kind', name: pause.name }}
                    about={pause.name}
                    paused
                    onDone={onDone}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}
