import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate } from 'react-router'
import { acceptCreatorTerms } from '../features/account/api'
import { describe } from '../api/failure'
import { Button } from '../parts/button'
import { FieldError } from '../parts/field'
import { Form } from '../parts/form'
import { Page, Panel } from '../parts/page'
import { reload } from '../session/session'
import { useRight } from '../session/store'

/** The version of the terms that this page shows. The API refuses it once another one is in force. */
const VERSION = '2026-11'

/** Accepting the creator terms. */
export function Component() {
  const { t } = useTranslation()
  const [missed, setMissed] = useState(false)
  const accept = useMutation({
    mutationFn: async () => {
      await acceptCreatorTerms(VERSION)
      await reload()
    },
  })
  const fields = accept.error ? describe(accept.error).fields : {}
  if (useRight('nanos:create')) return <Navigate to="/studio" replace />
  return (
    <Page title={t('terms.title')} narrow>
      <Panel>
        <p className="mb-3 font-medium">{t('terms.lead')}</p>
        <ul className="mb-6 list-disc space-y-2 pl-5">
          {t('terms.points', { returnObjects: true }).map((point) => (
            <li key={point}>{point}</li>
          ))}
        </ul>
        <Form
          error={accept.error}
          onSubmit={(values) => {
            const agreed = values.get('agreed') !== null
            setMissed(!agreed)
            if (agreed) accept.mutate()
          }}
        >
          <div>
            <label className="flex items-start gap-3">
              <input
                type="checkbox"
                name="agreed"
                required
                aria-invalid={missed || undefined}
                aria-describedby={missed ? 'agreed-error' : undefined}
                className="mt-1 size-5 shrink-0 accent-accent"
              />
              {t('terms.accept', { version: VERSION })}
            </label>
            {missed && (
              <p id="agreed-error" className="mt-1 text-sm font-medium text-bad">
                {t('terms.mustAccept')}
              </p>
            )}
            <FieldError label={t('nano.version')} error={fields.version} />
          </div>
          <Button type="submit" look="primary" busy={accept.isPending}>
            {t('terms.button')}
          </Button>
        </Form>
      </Panel>
    </Page>
  )
}
