import { createContext, use, useId, useRef, useState, type ReactNode } from 'react'
import { flushSync } from 'react-dom'
import { Button } from './button'

const Close = createContext(() => {})

/** Closes the dialog that it is called in. */
export const useClose = () => use(Close)

interface DialogButtonProps {
  /** On the button. */
  action: string
  /** What it is about, where several buttons of a page say the same. */
  about?: string
  /** Of the dialog. */
  title: string
  look?: 'primary' | 'secondary' | 'danger' | 'quiet'
  wide?: boolean
  small?: boolean
  /** What the dialog holds, made anew each time it opens. */
  children: ReactNode
}

/** A button that opens a dialog. */
export function DialogButton({ action, about, title, look, wide, small, children }: DialogButtonProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [open, setOpen] = useState(false)
  const id = useId()
  const show = () => {
    // What is in it gets the focus, so it has to be there.
    flushSync(() => setOpen(true))
    dialog.current?.showModal()
  }
  const close = () => dialog.current?.close()
  return (
    <>
      <Button look={look} small={small} className={wide ? 'w-full' : ''} onClick={show}>
        {action}
        {about && <span className="sr-only"> ({about})</span>}
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby={id}
        onClose={() => setOpen(false)}
        className="m-auto w-[min(30rem,calc(100vw-2rem))] rounded-xl border border-line bg-surface p-4 text-left text-ink backdrop:bg-black/50 sm:p-6"
      >
        <h2 id={id} className="mb-2 text-lg font-semibold">
          {title}
        </h2>
        <Close value={close}>{open && children}</Close>
      </dialog>
    </>
  )
}
