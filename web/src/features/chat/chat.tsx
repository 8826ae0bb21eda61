import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { isGone } from '../../api/failure'
import { Link, useParams } from '../../app/navigation'
import { FailureNotice, Notice } from '../../parts/notice'
import { Empty, Loading, Page } from '../../parts/page'
import { Resend } from '../../parts/resend'
import { useMe } from '../../session/store'
import { opened, type Chat, type Message } from './api'
import { Compose } from './compose'
import { Messages } from './messages'
import { useTexts } from './texts'
import { useConversation } from './use-conversation'

/** One chat: what was written, and what one writes. */
export function Component() {
  const { t } = useTexts()
  const { id = '' } = useParams()
  const { data, error, refetch } = useQuery(opened(id))
  if (!data && !error) return <Loading />
  const gone = !data && isGone(error)
  return (
    <Page title={data ? t('with', { name: data.chat.other.name || t('left') }) : t('title')} narrow>
      <p className="-mt-4 mb-4">
        <Link to="/chats" className="text-accent underline">
          {t('back')}
        </Link>
      </p>
      {data && <Open key={data.chat.id} start={data} />}
      {gone && <Empty title={t('gone')} text={t('goneText')} />}
      {!data && !gone && <FailureNotice error={error} retry={() => void refetch()} />}
    </Page>
  )
}

function Open({ start }: { start: { chat: Chat; messages: Message[] } }) {
  const { t } = useTexts()
  const me = useMe()
  const { conversation, thread, visible } = useConversation(start)
  const [reported, setReported] = useState(false)
  const { chat, line, error } = thread
  const { nano, state } = chat
  return (
    <div className="space-y-4">
      <p>
        {chat.own_nano ? t('aboutOwn') : t('about')}:{' '}
        {nano.title ? (
          <Link to={`/nanos/${nano.id}`} className="font-semibold text-accent underline">
            {nano.title}
          </Link>
        ) : (
          t('noNano')
        )}
      </p>
      <div role="status">{reported && <Notice tone="good">{t('report.done')}</Notice>}</div>
      <Messages
        conversation={conversation}
        thread={thread}
        visible={visible}
        onReported={() => setReported(true)}
      />
      {error !== undefined && <FailureNotice error={error} retry={() => conversation.renew()} />}
      <p
        role="status"
        className={line === 'requests' && state !== 'closed' ? 'text-sm text-muted' : 'sr-only'}
      >
        {line === 'requests' && state !== 'closed' && t('slow')}
      </p>
      {state === 'closed' && <Notice tone="info">{t('closed')}</Notice>}
      {state === 'archived' && <Notice tone="info">{t('archived')}</Notice>}
      {state !== 'closed' &&
        (me?.email_verified ? (
          <Compose chat={chat.id} onSend={(text) => conversation.send(text)} />
        ) : (
          <Notice tone="info">
            <p className="mb-3">{t('unverified', { email: me?.email })}</p>
            <Resend email={me?.email ?? ''} next={`/chats/${chat.id}`} />
          </Notice>
        ))}
    </div>
  )
}
