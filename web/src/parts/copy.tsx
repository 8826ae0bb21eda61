import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { Icon } from './icon'

/** Puts a text on the clipboard, where the browser lets a page do that. */
export function Copy({ text, label }: { text: string; label: string }) {
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
      <Button onClick={() => void copy()}>
        <Icon name={copied ? 'check' : 'copy'} />
        {label}
      </Button>
      <span role="status" className={copied === false ? 'w-full text-sm text-bad' : 'sr-only'}>
        {copied === true && t('common.copied')}
        {copied === false && t('common.notCopied')}
      </span>
    </>
  )
}
