import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate } from '../../app/navigation'
import type { NanoDetail } from '../../api/types'
import { count } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { Icon } from '../../parts/icon'
import { FailureNotice } from '../../parts/notice'
import { beginChat, unread } from './api'
import { useTexts } from './texts'

/** The way to one's messages, and how many are unread. */
export function ToMessages() {
  const { t } = useTexts()
  const language = useLanguage()
  const { data } = useQuery(unread)
  const messages = data?.messages ?? 0
  return (
    <Link to="/chats" className="relative grid size-11 place-items-center rounded-full hover:bg-sunken">
      <Icon name="message" />
      <span className="sr-only">{t('unread', { count: messages })}</span>
      {messages > 0 && (
        <span
          aria-hidden="true"
          className="absolute top-0.5 right-0 min-w-5 rounded-full bg-accent px-1 text-center text-xs leading-5 font-bold text-on-accent tabular-nums"
        >
          {messages > 99 ? '99+' : count(messages, language)}
        </span>
      )}
    </Link>
  )
}

/** Begins a chat with whoever has made a nano, or goes on with it. */
export function WriteToCreator({ nano }: { nano: NanoDetail }) {
  const { t } = useTexts()
  const navigate = useNavigate()
  // Of this one chat, however often it is asked for.
  const [key] = useState(() => crypto.randomUUID())
  const begin = useMutation({
    mutationFn: () => beginChat(nano.id, key),
    onSuccess: ({ id }) => navigate(`/chats/${id}`),
  })
  return (
    <div className="space-y-3">
      <Button className="w-full" busy={begin.isPending} onClick={() => begin.mutate()}>
        <Icon name="message" />
        {t('write')}
      </Button>
      {begin.error && <FailureNotice error={begin.error} />}
    </div>
  )
}
