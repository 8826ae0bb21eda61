import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { describe } from '../../api/failure'
import type { Nano } from '../../api/types'
import { Button, ButtonLink } from '../../parts/button'
import { Confirm } from '../../parts/confirm'
import { TextArea } from '../../parts/field'
import { useFocusAfter } from '../../parts/focus'
import { Form, Submit, text } from '../../parts/form'
import { Notice } from '../../parts/notice'
import { onTheWay } from '../../session/next'
import { useMe } from '../../session/store'
import { editRating, LONGEST, rate, removeRating, type Rating } from './api'
import { Pending, wordsOf } from './pending'
import { StarField, Stars } from './stars'
import { useTexts } from './texts'

interface OwnProps {
  nano: Nano
  own: Rating | undefined | null
  /** It has changed: to be read anew. */
  onChange: () => Promise<unknown>
}

/** What one thinks of a nano oneself, and says or changes here. */
export function Own({ nano, own, onChange }: OwnProps) {
  const { t } = useTexts()
  const me = useMe()
  const [writing, setWriting] = useState(false)
  const [said, setSaid] = useState('')
  const status = useFocusAfter<HTMLDivElement>(said)
  if (!me) return <ButtonLink to={onTheWay('/login', `/nanos/${nano.id}`)}>{t('login')}</ButtonLink>
  if (me.id === nano.creator.id) return null
  if (!me.email_verified && !own) return <Notice tone="info">{t('verify')}</Notice>
  if (own?.status === 'removed') {
    return <Notice tone="warn">{t('removedByModerator', { reason: own.removal_reason })}</Notice>
  }
  const done = async (words: string) => {
    await onChange()
    setWriting(false)
    setSaid(words)
  }
  return (
    <div className="space-y-3">
      <div ref={status} tabIndex={-1} role="status" className="outline-none">
        {said && <Notice tone="good">{said}</Notice>}
      </div>
      {writing && (
        <OwnForm nano={nano.id} own={own ?? undefined} onDone={done} onCancel={() => setWriting(false)} />
      )}
      {!writing && own && (
        <div className="space-y-3 rounded-lg bg-sunken p-4">
          <h3 className="font-semibold">{t('rateTitle')}</h3>
          <Stars score={own.score} />
          {own.comment && <p className="whitespace-pre-line">{own.comment}</p>}
          <Pending rating={own} part="comment" />
          <div className="flex flex-wrap gap-3">
            <Button
              onClick={() => {
                setSaid('')
                setWriting(true)
              }}
            >
              {t('change')}
            </Button>
            <Confirm
              action={t('remove')}
              about={t('rateTitle')}
              text={t('removeText')}
              danger
              wide={false}
              onConfirm={async () => {
                await removeRating(own.id)
                await done(t('removed'))
              }}
            />
          </div>
        </div>
      )}
      {!writing && !own && (
        <Button
          look="primary"
          onClick={() => {
            setSaid('')
            setWriting(true)
          }}
        >
          {t('rate')}
        </Button>
      )}
    </div>
  )
}

interface OwnFormProps {
  nano: string
  own?: Rating
  onDone: (words: string) => Promise<void>
  onCancel: () => void
}

function OwnForm({ nano, own, onDone, onCancel }: OwnFormProps) {
  const { t } = useTexts()
  const [key] = useState(() => crypto.randomUUID())
  const send = useMutation({
    mutationFn: async (values: FormData) => {
      const [score, comment] = [Number(text(values, 'score')), text(values, 'comment').trim()]
      await (own ? editRating(own.id, own.revision, score, comment) : rate(nano, score, comment, key))
      await onDone(own ? t('saved') : t('sent'))
    },
  })
  const fields = send.error ? describe(send.error).fields : {}
  return (
    <Form onSubmit={(values) => send.mutate(values)} error={send.error} focus>
      <StarField name="score" score={own?.score ?? 0} error={fields.score} />
      <TextArea
        label={t('comment')}
        name="comment"
        rows={4}
        maxLength={LONGEST}
        optional
        hint={t('commentHint')}
        defaultValue={own && wordsOf(own, 'comment')}
        error={fields.comment}
      />
      <div className="flex flex-wrap gap-3">
        <Submit busy={send.isPending}>{own ? t('save') : t('send')}</Submit>
        <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
      </div>
    </Form>
  )
}
