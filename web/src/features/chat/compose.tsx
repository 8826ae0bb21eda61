import { useState, type KeyboardEvent } from 'react'
import { dropDraft, keepDraft, keptDraft } from '../../drafts/drafts'
import { Button } from '../../parts/button'
import { TextArea } from '../../parts/field'
import { useSession } from '../../session/store'
import { LONGEST_MESSAGE } from './api'
import { useTexts } from './texts'

/** How much room is left is said when there is little of it. */
const LITTLE_ROOM = 100

interface ComposeProps {
  chat: string
  onSend: (text: string) => void
}

/** What one writes. It is kept as it is typed, so that nobody has to be asked before the page is left. */
export function Compose({ chat, onSend }: ComposeProps) {
  const { t } = useTexts()
  const [person] = useState(() => useSession.getState().me?.id ?? '')
  const name = `chat.${chat}`
  const [text, setText] = useState(() => keptDraft<string>(person, name)?.values ?? '')
  const type = (text: string) => {
    setText(text)
    if (text === '') dropDraft(person, name)
    else keepDraft(person, name, text)
  }
  const send = () => {
    const words = text.trim()
    if (words === '') return
    onSend(words)
    type('')
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter may also choose a word of an input method.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    send()
  }
  const room = LONGEST_MESSAGE - text.length
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <TextArea
        label={t('text')}
        hint={room < LITTLE_ROOM ? t('remaining', { count: room }) : t('textHint')}
        rows={3}
        maxLength={LONGEST_MESSAGE}
        value={text}
        onChange={(event) => type(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <Button type="submit" look="primary" blocked={text.trim() === ''}>
        {t('send')}
      </Button>
    </form>
  )
}
