import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import { dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { DialogButton } from '../../parts/dialog'
import { FailureNotice } from '../../parts/notice'
import { useSecondsUntil } from '../../parts/seconds-until'
import type { Message } from './api'
import type { Conversation, Outgoing, Thread } from './conversation'
import { ReportForm } from './report'
import { useTexts } from './texts'

/** So near to its end somebody reads along. */
const NEAR_END_PX = 48

interface MessagesProps {
  conversation: Conversation
  thread: Thread
  /** Whether somebody can see the page. */
  visible: boolean
  onReported: () => void
}

/** What was written, the newest at the end, in a box that stays there for those who read along. */
export function Messages({ conversation, thread, visible, onReported }: MessagesProps) {
  const { t } = useTexts()
  const { chat, messages, outgoing } = thread
  const { other } = chat
  const name = other.name || t('left')
  const box = useRef<HTMLDivElement>(null)
  const top = useRef<HTMLDivElement>(null)
  const seen = useRef({ first: Infinity, fromEnd: 0, outgoing: 0 })
  const [atEnd, setAtEnd] = useState(true)
  const first = messages[0]?.seq ?? 1
  const last = messages.at(-1)?.seq ?? 0
  // They take room of their own.
  const failed = outgoing.filter(({ state }) => state === 'failed').length

  useLayoutEffect(() => {
    const shown = box.current
    if (!shown) return
    const before = seen.current
    // Earlier messages push nothing away; what one sends oneself is seen.
    if (first < before.first && before.first !== Infinity)
      shown.scrollTop = shown.scrollHeight - before.fromEnd
    else if (atEnd || outgoing.length > before.outgoing) shown.scrollTop = shown.scrollHeight
    seen.current = { first, outgoing: outgoing.length, fromEnd: shown.scrollHeight - shown.scrollTop }
  }, [first, last, outgoing.length, failed, other.read_seq, atEnd])

  // Who reads along has read it.
  useEffect(() => {
    if (visible && atEnd) conversation.read()
  }, [conversation, visible, atEnd, last, thread.line])

  // Whoever scrolls up finds what was before.
  useEffect(() => {
    if (!top.current || first <= 1) return
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) void conversation.older()
      },
      { root: box.current, rootMargin: '150px 0px 0px' },
    )
    observer.observe(top.current)
    return () => observer.disconnect()
  }, [conversation, first])

  const [opened] = useState(last)
  const arrived = messages.findLast(({ seq, sender_id }) => seq > opened && sender_id === other.id)
  const read = messages.findLast(({ seq, sender_id }) => seq <= other.read_seq && sender_id !== other.id)
  return (
    <div className="relative">
      <div
        ref={box}
        role="region"
        aria-label={t('messages')}
        // Keys scroll it.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onScroll={({ currentTarget: shown }) => {
          seen.current.fromEnd = shown.scrollHeight - shown.scrollTop
          setAtEnd(seen.current.fromEnd - shown.clientHeight < NEAR_END_PX)
        }}
        className="h-[55dvh] min-h-64 overflow-y-auto rounded-xl border border-line bg-surface p-3 [overflow-anchor:none] sm:p-4"
      >
        {first > 1 && (
          <div ref={top} className="mb-4 space-y-3 text-center">
            {thread.olderError !== undefined && <FailureNotice error={thread.olderError} />}
            <Button busy={thread.loading} onClick={() => void conversation.older()}>
              {t('older')}
            </Button>
          </div>
        )}
        {messages.length + outgoing.length === 0 && <p className="text-muted">{t('begin', { name })}</p>}
        <ol className="space-y-4">
          {messages.map((message) => (
            <Entry
              key={message.seq}
              message={message}
              chat={chat.id}
              from={message.sender_id === other.id ? name : undefined}
              read={message === read ? (other.read_at ?? true) : undefined}
              onReported={onReported}
            />
          ))}
          {outgoing.map((one) => (
            <Unsent key={one.id} one={one} conversation={conversation} />
          ))}
        </ol>
      </div>
      {!atEnd && (
        <div className="absolute inset-x-0 bottom-3 text-center">
          <Button
            className="shadow-raised"
            onClick={() => box.current?.scrollTo({ top: box.current.scrollHeight })}
          >
            {t('toNewest')}
          </Button>
        </div>
      )}
      <p aria-live="polite" className="sr-only">
        {arrived && t('arrived', { name, text: arrived.text || t('removed') })}
      </p>
    </div>
  )
}

/** One's own at the right, those of the other at the left. */
function Bubble({
  own,
  meta,
  below,
  children,
}: {
  own: boolean
  meta: string
  below?: ReactNode
  children: ReactNode
}) {
  return (
    <li className={`flex flex-col ${own ? 'items-end' : 'items-start'}`}>
      <p className="mb-0.5 px-1 text-xs text-muted">{meta}</p>
      <div
        className={`max-w-[85%] rounded-xl border px-3 py-2 whitespace-pre-wrap ${own ? 'border-transparent bg-accent-soft' : 'border-line bg-paper'}`}
      >
        {children}
      </div>
      {below}
    </li>
  )
}

interface EntryProps {
  message: Message
  chat: string
  /** The other's name, where it is theirs. */
  from: string | undefined
  /** The other has read so far, and when. */
  read: string | true | undefined
  onReported: () => void
}

function Entry({ message, chat, from, read, onReported }: EntryProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const meta = `${from ?? t('you')} · ${dateTime(message.created_at, language)}`
  const below =
    from === undefined ? (
      read && (
        <p className="px-1 text-xs text-muted">
          {read === true ? t('read') : t('readAt', { time: dateTime(read, language) })}
        </p>
      )
    ) : message.removed ? null : (
      <DialogButton
        action={t('report.action')}
        about={message.text.slice(0, 40)}
        title={t('report.title')}
        look="quiet"
        small
      >
        <ReportForm chat={chat} message={message} name={from} onDone={onReported} />
      </DialogButton>
    )
  return (
    <Bubble own={from === undefined} meta={meta} below={below}>
      {message.removed ? <span className="text-muted italic">{t('removed')}</span> : message.text}
    </Bubble>
  )
}

/** A message of one's own that is on its way, or was not sent. */
function Unsent({ one, conversation }: { one: Outgoing; conversation: Conversation }) {
  const { t } = useTexts()
  const wait = useSecondsUntil(one.failure?.retryAt)
  const why =
    one.failure?.code === 'OFFLINE' ? t('lost') : one.failure?.message || t('translation:failure.UNKNOWN')
  return (
    <Bubble
      own
      meta={one.state === 'sending' ? t('sending') : t('you')}
      below={
        one.state === 'failed' && (
          <div className="flex flex-col items-end gap-2 pt-1">
            <p role="alert" className="text-sm font-medium text-bad">
              {t('failed')} {why}
            </p>
            <div className="flex flex-wrap justify-end gap-2">
              <Button onClick={() => conversation.discard(one.id)}>{t('discard')}</Button>
              <Button look="primary" blocked={wait > 0} onClick={() => conversation.again(one.id)}>
                {t('again')}
                {wait > 0 && <span aria-hidden="true">({wait})</span>}
              </Button>
            </div>
          </div>
        )
      }
    >
      {one.text}
    </Bubble>
  )
}
