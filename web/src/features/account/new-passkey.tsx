import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { describe } from '../../api/failure'
import { Button } from '../../parts/button'
import { TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { addPasskey, beginPasskey, type AddedPasskey } from './api'
import { device } from './device'
import { useNoPasskey } from './no-passkey'
import { makePasskey, type Challenge } from './passkey'
import { ProofFields, useProven } from './proof'
import { useTexts } from './texts'

/** Of one that was given none: once the browser has made it, nothing should keep it from being added. */
const NAME = 'Passkey'

interface NewPasskeyProps {
  onAdded: (added: AddedPasskey) => void
  onCancel: () => void
}

/** Adding a passkey: first who it is, then the browser's own dialog, which wants a click that leads to nothing else. */
export function NewPasskey({ onAdded, onCancel }: NewPasskeyProps) {
  const { t } = useTexts()
  const [challenge, setChallenge] = useState<Challenge>()
  const { send, busy, error, failure } = useProven((_, proof) => beginPasskey(proof), setChallenge)
  if (challenge) {
    return (
      <Make
        challenge={challenge}
        onAdded={onAdded}
        onAgain={() => setChallenge(undefined)}
        onCancel={onCancel}
      />
    )
  }
  return (
    <Form onSubmit={send} error={error} failure={failure} focus>
      <p>{t('factor.stepPassword')}</p>
      <ProofFields failure={failure} />
      <div className="flex flex-wrap gap-3">
        <Submit busy={busy}>{t('factor.next')}</Submit>
        <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
      </div>
    </Form>
  )
}

interface MakeProps extends NewPasskeyProps {
  challenge: Challenge
  onAgain: () => void
}

function Make({ challenge, onAdded, onAgain, onCancel }: MakeProps) {
  const { t } = useTexts()
  const noPasskey = useNoPasskey()
  const make = useMutation({
    mutationFn: async (values: FormData) => {
      const name = text(values, 'name').trim() || NAME
      return addPasskey({ ...(await makePasskey(challenge)), name })
    },
    onSuccess: onAdded,
  })
  const none = make.error ? noPasskey(make.error) : undefined
  return (
    <Form onSubmit={(values) => make.mutate(values)} error={make.error} failure={none} focus>
      <p>{t('passkeys.makeText')}</p>
      <PasskeyName start={device(navigator.userAgent).system} error={make.error} />
      <div className="flex flex-wrap gap-3">
        {/* The API takes one answer to each challenge, whatever it is worth. */}
        {make.error && !none ? (
          <Button look="primary" onClick={onAgain}>
            {t('factor.startAgain')}
          </Button>
        ) : (
          <Submit busy={make.isPending}>{t('passkeys.make')}</Submit>
        )}
        <Button onClick={onCancel}>{t('translation:common.cancel')}</Button>
      </div>
    </Form>
  )
}

/** What its owner calls a passkey. */
export function PasskeyName({ start, error }: { start?: string; error: unknown }) {
  const { t } = useTexts()
  return (
    <TextField
      label={t('passkeys.name')}
      name="name"
      required
      maxLength={100}
      autoComplete="off"
      defaultValue={start}
      hint={t('passkeys.nameHint')}
      error={error ? describe(error).fields.name : undefined}
    />
  )
}
