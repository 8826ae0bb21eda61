import { createContext, use, useId, useRef, useState, type ReactNode } from 'react'
import { flushSync } from 'react-dom'
import { Button } from '../../parts/button'
import { Notice } from '../../parts/notice'
import { Panel } from '../../parts/page'
import { useTexts } from './texts'

const Close = createContext<(done?: string) => void>(() => {})

/** Closes the form of a setting, and says what has been done. */
export const useClose = () => use(Close)

interface SettingProps {
  title: string
  /** How it is now. */
  value?: ReactNode
  /** The form. */
  children: ReactNode
}

/** Something about an account, and a form to change it that opens in place. */
export function Setting({ title, value, children }: SettingProps) {
  const { t } = useTexts()
  const [open, setOpen] = useState(false)
  const [done, setDone] = useState<string>()
  const button = useRef<HTMLButtonElement>(null)
  const form = useRef<HTMLDivElement>(null)
  const id = useId()
  const show = () => {
    flushSync(() => {
      setDone(undefined)
      setOpen(true)
    })
    form.current?.querySelector('input')?.focus()
  }
  const close = (done?: string) => {
    flushSync(() => {
      setOpen(false)
      setDone(done)
    })
    button.current?.focus()
  }
  return (
    <Panel>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 flex-1 basis-60">
          <h2 className="text-lg font-semibold">{title}</h2>
          {value}
        </div>
        <Button
          ref={button}
          aria-expanded={open}
          aria-controls={id}
          onClick={() => (open ? close() : show())}
        >
          {open ? t('translation:common.cancel') : t('profile.change')}
          <span className="sr-only"> ({title})</span>
        </Button>
      </div>
      <div id={id} ref={form} className={open ? 'mt-5' : ''}>
        <Close value={close}>{open && children}</Close>
      </div>
      <div role="status" className={done ? 'mt-5' : ''}>
        {done && <Notice tone="good">{done}</Notice>}
      </div>
    </Panel>
  )
}
