import { useMutation } from '@tanstack/react-query'
import { describe } from '../../api/failure'
import type { Nano } from '../../api/types'
import { date } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Button } from '../../parts/button'
import { DialogButton, useClose } from '../../parts/dialog'
import { TextArea, TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { FailureNotice } from '../../parts/notice'
import { useMe, useRight } from '../../session/store'
import { findHelpful, LONGEST, removeRating, reply, type Rating } from './api'
import { Pending, wordsOf } from './pending'
import { Stars } from './stars'
import { useTexts } from './texts'

interface EntryProps {
  nano: Nano
  rating: Rating
  /** Whether the person found it helpful. */
  helpful: boolean
  onChange: () => Promise<unknown>
}

/** A rating, and what the person may do about it: find it helpful, answer it, remove it. */
export function Entry({ nano, rating, helpful, onChange }: EntryProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const me = useMe()
  const moderates = useRight('moderation:decide')
  const made = me?.id === nano.creator.id
  const own = me !== undefined && me.id === rating.author?.id
  const name = own ? t('you') : (rating.author?.name ?? t('left'))
  return (
    <li className="space-y-2 py-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Stars score={rating.score} />
        <p className="text-sm text-muted">{t('author', { name, date: date(rating.created_at, language) })}</p>
      </div>
      {rating.comment && <p className="whitespace-pre-line">{rating.comment}</p>}
      {rating.reply && (
        <div className="border-l-4 border-line pl-4">
          <p className="text-sm text-muted">{t('reply', { name: nano.creator.name })}</p>
          <p className="whitespace-pre-line">{rating.reply}</p>
        </div>
      )}
      {made && <Pending rating={rating} part="reply" />}
      <div className="flex flex-wrap items-center gap-3">
        {me && !own && <Helpful rating={rating} name={name} helpful={helpful} onChange={onChange} />}
        {(!me || own) && rating.helpful_count > 0 && (
          <p className="text-sm text-muted">{t('helpfulOf', { count: rating.helpful_count })}</p>
        )}
        {made && (
          <DialogButton
            action={rating.reply ? t('answerChange') : t('answer')}
            about={name}
            title={t('answerTo', { name })}
          >
            <Answer rating={rating} onChange={onChange} />
          </DialogButton>
        )}
        {moderates && !own && !made && (
          <DialogButton action={t('moderate')} about={name} title={t('moderateTitle')} look="danger">
            <Removal rating={rating} onChange={onChange} />
          </DialogButton>
        )}
      </div>
    </li>
  )
}

function Helpful({ rating, name, helpful, onChange }: Omit<EntryProps, 'nano'> & { name: string }) {
  const { t } = useTexts()
  const vote = useMutation({
    mutationFn: async () => {
      await findHelpful(rating.id, !helpful)
      await onChange()
    },
  })
  return (
    <>
      <Button aria-pressed={helpful} busy={vote.isPending} onClick={() => vote.mutate()}>
        {t('helpful', { count: rating.helpful_count })}
        <span className="sr-only"> ({name})</span>
      </Button>
      {vote.error && <FailureNotice error={vote.error} />}
    </>
  )
}

function Answer({ rating, onChange }: Pick<EntryProps, 'rating' | 'onChange'>) {
  const { t } = useTexts()
  const close = useClose()
  const send = useMutation({
    mutationFn: async (values: FormData) => {
      await reply(rating.id, text(values, 'text').trim())
      await onChange()
    },
    onSuccess: close,
  })
  return (
    <Form onSubmit={(values) => send.mutate(values)} error={send.error} focus>
      <TextArea
        label={t('answerText')}
        name="text"
        rows={4}
        maxLength={LONGEST}
        hint={t('answerHint')}
        defaultValue={wordsOf(rating, 'reply')}
        error={send.error ? describe(send.error).fields.text : undefined}
      />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('translation:common.cancel')}</Button>
        <Submit busy={send.isPending}>{t('save')}</Submit>
      </div>
    </Form>
  )
}

function Removal({ rating, onChange }: Pick<EntryProps, 'rating' | 'onChange'>) {
  const { t } = useTexts()
  const close = useClose()
  const remove = useMutation({
    mutationFn: async (values: FormData) => {
      // Absent or empty the API asks for it.
      await removeRating(rating.id, text(values, 'reason').trim() || undefined)
      await onChange()
    },
    onSuccess: close,
  })
  return (
    <Form onSubmit={(values) => remove.mutate(values)} error={remove.error} focus>
      <p>{t('moderateText')}</p>
      <TextField
        label={t('reason')}
        name="reason"
        maxLength={LONGEST}
        autoComplete="off"
        error={remove.error ? describe(remove.error).fields.reason : undefined}
      />
      <div className="flex flex-wrap justify-end gap-3">
        <Button onClick={close}>{t('translation:common.cancel')}</Button>
        <Submit busy={remove.isPending} danger>
          {t('moderate')}
        </Submit>
      </div>
    </Form>
  )
}
