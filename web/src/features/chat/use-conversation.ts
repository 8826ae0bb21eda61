import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { dropDraft, keepDraft, keptDraft } from '../../drafts/drafts'
import { useVisible } from '../../live/use-visible'
import { tokens } from '../../session/session'
import { useSession } from '../../session/store'
import {
  chatPages,
  getChat,
  getMessages,
  markRead,
  sendMessage,
  unread,
  type Chat,
  type Message,
} from './api'
import { Conversation, type KeptOutgoing } from './conversation'

const SOCKETS = '/api/v1/ws/chat/'

/** A chat as it goes on, while somebody can see it. */
export function useConversation(start: { chat: Chat; messages: Message[] }) {
  const queries = useQueryClient()
  const [conversation] = useState(() => {
    const { id } = start.chat
    const person = useSession.getState().me?.id ?? ''
    const draft = `chat.${id}.outgoing`
    return new Conversation(
      {
        chat: () => getChat(id),
        messages: (place) => getMessages(id, place),
        send: (text, key) => sendMessage(id, text, key),
        read: (seq) => markRead(id, seq),
        line: {
          url: location.origin.replace(/^http/, 'ws') + SOCKETS + id,
          token: (refused) => (refused ? tokens.replace(refused) : tokens.get()),
        },
        keep: (outgoing) => {
          if (outgoing.length > 0) keepDraft(person, draft, outgoing)
          else dropDraft(person, draft)
        },
        onRead: () => {
          void queries.invalidateQueries(unread)
          void queries.invalidateQueries(chatPages)
        },
      },
      { ...start, outgoing: keptDraft<KeptOutgoing[]>(person, draft)?.values ?? [] },
    )
  })
  const thread = useSyncExternalStore(conversation.subscribe, conversation.thread)
  const visible = useVisible()
  const ended = useSession((session) => session.ended)
  useEffect(() => {
    if (!visible || ended) return
    const renew = () => conversation.renew()
    conversation.start()
    addEventListener('online', renew)
    return () => {
      removeEventListener('online', renew)
      conversation.stop()
      // What was written here stands in the list, too.
      void queries.invalidateQueries(chatPages)
    }
  }, [conversation, visible, ended, queries])
  return { conversation, thread, visible }
}
