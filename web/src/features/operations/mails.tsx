import { useInfiniteQuery } from '@tanstack/react-query'
import { describeAt } from '../../api/failure'
import { Notice } from '../../parts/notice'
import { Empty } from '../../parts/page'
import { ambiguousMails, judgeMail, type AmbiguousMail, type MailVerdict } from './api'
import { Frame } from './frame'
import { Older } from './job-list'
import { Act, Ago, Name, Reasoned, Shown, TABLE, TD, TH, TR, useDone } from './kit'
import { Person } from './person'
import { useNow } from './reads'
import { useTexts } from './texts'

/** Mails of which nobody can tell whether they left, for somebody to judge. */
export function Component() {
  const { t } = useTexts()
  const [said, done] = useDone()
  const list = useInfiniteQuery(ambiguousMails)
  return (
    <Frame title={t('mails.title')} said={said}>
      <p className="max-w-3xl text-muted">{t('mails.lead')}</p>
      <Shown query={list}>
        {({ pages }) => {
          const mails = pages.flatMap(({ data }) => data)
          if (mails.length === 0) return <Empty title={t('mails.empty')} text={t('mails.emptyText')} />
          return (
            <>
              <Notice tone="info">{t('mails.how')}</Notice>
              <Mails mails={mails} onDone={done} />
              <Older list={list} />
            </>
          )
        }}
      </Shown>
    </Frame>
  )
}

function Mails({ mails, onDone }: { mails: readonly AmbiguousMail[]; onDone: (words: string) => void }) {
  const { t } = useTexts()
  const now = useNow(5_000)
  return (
    <div className="rounded-xl border border-line bg-surface">
      <table className={TABLE}>
        <caption className="sr-only">{t('mails.title')}</caption>
        <thead>
          <tr>
            <th scope="col" className={TH}>
              {t('mails.mail')}
            </th>
            <th scope="col" className={`${TH} max-lg:hidden`}>
              {t('mails.to')}
            </th>
            <th scope="col" className={`${TH} max-sm:hidden`}>
              {t('mails.since')}
            </th>
            <th scope="col" className={`${TH} max-sm:hidden`}>
              <span className="sr-only">{t('what')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {mails.map((mail) => (
            <tr key={mail.id} className={`${TR} align-top`}>
              <td className={TD}>
                <span className="font-semibold">
                  <Name of={mail.template} />
                </span>
                <span className="block font-mono text-xs wrap-anywhere">{mail.message_id}</span>
                {mail.error && <span className="block text-xs wrap-anywhere text-muted">{mail.error}</span>}
                <span className="block text-xs text-muted lg:hidden">
                  <Recipient mail={mail} />
                </span>
                <span className="mt-2 flex flex-wrap gap-2 sm:hidden">
                  <Verdicts mail={mail} onDone={onDone} />
                </span>
              </td>
              <td className={`${TD} wrap-anywhere max-lg:hidden`}>
                <Recipient mail={mail} />
              </td>
              <td className={`${TD} max-sm:hidden`}>
                <Ago time={mail.since} now={now} />
              </td>
              <td className={`${TD} max-sm:hidden`}>
                <div className="flex flex-wrap justify-end gap-2">
                  <Verdicts mail={mail} onDone={onDone} />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Addresses are for those who manage accounts; others read whose account it is about. */
function Recipient({ mail: { recipient, user_id: user } }: { mail: AmbiguousMail }) {
  if (recipient) return recipient
  return user ? <Person id={user} /> : '–'
}

const VERDICTS: readonly MailVerdict[] = ['sent', 'send_again']

function Verdicts({ mail, onDone }: { mail: AmbiguousMail; onDone: (words: string) => void }) {
  const { t } = useTexts()
  return VERDICTS.map((verdict) => (
    <Act
      key={verdict}
      action={t(`mails.${verdict}.action`)}
      about={`${mail.template} ${mail.message_id}`}
      title={t(`mails.${verdict}.title`)}
    >
      <Reasoned
        action={t(`mails.${verdict}.action`)}
        explanation={t(`mails.${verdict}.text`)}
        // Somebody else was quicker.
        told={(error) => describeAt(error, { NOT_FOUND: { field: 'reason', words: t('mails.settled') } })}
        send={(_, reason) => judgeMail(mail.id, verdict, reason)}
        onDone={() => onDone(t(`mails.${verdict}.done`))}
      />
    </Act>
  ))
}
