import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { useLocation } from '../app/navigation'

interface MenuProps {
  /** Of the button, for who cannot see it. */
  label: string
  /** On the button. */
  face: ReactNode
  children: ReactNode
}

/** A button that shows links and choices below it. It closes by Escape, by leaving it, and by following a link. */
export function Menu({ label, face, children }: MenuProps) {
  const [open, setOpen] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const id = useId()
  const { key } = useLocation()
  useEffect(() => () => setOpen(false), [key])
  return (
    <div
      role="presentation"
      className="relative"
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false)
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return
        event.stopPropagation()
        setOpen(false)
        button.current?.focus()
      }}
    >
      <button
        ref={button}
        type="button"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
        className="flex min-h-11 items-center rounded-full"
      >
        <span className="sr-only">{label}</span>
        {face}
      </button>
      <div
        id={id}
        hidden={!open}
        tabIndex={-1}
        className="absolute top-full right-0 z-20 mt-1 w-64 max-w-[calc(100vw-2rem)] rounded-xl border border-line bg-surface p-2 shadow-raised outline-none"
      >
        {children}
      </div>
    </div>
  )
}

/** Of links and buttons in a menu. */
export const MENU_ITEM = 'flex min-h-11 w-full items-center gap-3 rounded-lg px-3 text-left hover:bg-sunken'
