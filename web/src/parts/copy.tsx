import { useState } from 'react'
import { useTranslation } from '../i18n/setup'
import { Button } from './button'
import { Icon } from './icon'

/** Puts a text on the clipboard, where the browser lets a page do that. */
export function Copy({ text, label, small }: { text: string; label: string; small?: boolean }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState<boolean>()
  // Absent outside of secure contexts.
  if (!('clipboard' in navigator)) return null
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    )
  return (
    <>
      <Button small={small} onClick={() => void copy()}>
        <Icon name={copied ? 'check' : 'copy'} className={small ? 'size-4' : undefined} />
        {label}
      </Button>
      <span role="status" className={copied === false ? 'w-full text-sm text-bad' : 'sr-only'}>
        {copied === true && t('common.copied')}
        {copied === false && t('common.notCopied')}
      </span>
    </>
  )
}
