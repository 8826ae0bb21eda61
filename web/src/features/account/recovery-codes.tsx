import { useState } from 'react'
import { Button } from '../../parts/button'
import { Copy } from '../../parts/copy'
import { Form, Submit } from '../../parts/form'
import { Icon } from '../../parts/icon'
import { Notice } from '../../parts/notice'
import { useMe } from '../../session/store'
import { useTexts } from './texts'

interface RecoveryCodesProps {
  codes: string[]
  /** What has just happened. */
  said: string
  onKept: () => void
}

/** Recovery codes, the only time that they are shown. */
export function RecoveryCodes({ codes, said, onKept }: RecoveryCodesProps) {
  const { t } = useTexts()
  const me = useMe()
  const [missed, setMissed] = useState(false)
  const lines = codes.join('\n')
  const save = () => {
    const file = `${t('factor.fileHead', { account: me?.email })}\n\n${lines}\n`
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([file], { type: 'text/plain' }))
    link.download = t('factor.fileName')
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <>
      <Notice tone="good" urgent>
        {said}
      </Notice>
      <div>
        <h3 className="mb-1 font-semibold">{t('factor.codesTitle')}</h3>
        <p>{t('factor.codesText')}</p>
      </div>
      <ol className="grid gap-x-8 gap-y-1 rounded-lg bg-sunken p-4 font-mono text-sm sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <div className="flex flex-wrap items-center gap-3">
        <Copy text={lines} label={t('factor.copyCodes')} />
        <Button onClick={save}>
          <Icon name="download" />
          {t('factor.downloadCodes')}
        </Button>
      </div>
      <Form
        error={null}
        onSubmit={(values) => {
          const kept = values.get('kept') !== null
          setMissed(!kept)
          if (kept) onKept()
        }}
      >
        <div>
          <label className="flex min-h-11 items-center gap-3">
            <input
              type="checkbox"
              name="kept"
              aria-invalid={missed || undefined}
              aria-describedby={missed ? 'kept-error' : undefined}
              className="size-5 shrink-0 accent-accent"
            />
            {t('factor.kept')}
          </label>
          {missed && (
            <p id="kept-error" role="alert" className="text-sm font-medium text-bad">
              {t('factor.keptMissing')}
            </p>
          )}
        </div>
        <Submit busy={false}>{t('factor.done')}</Submit>
      </Form>
    </>
  )
}
