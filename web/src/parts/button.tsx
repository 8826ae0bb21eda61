import type { ComponentProps } from 'react'
import { Link } from '../app/navigation'

const LOOKS = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong',
  secondary: 'border border-edge bg-surface text-ink hover:border-accent hover:text-accent',
  danger: 'border border-bad bg-surface text-bad hover:bg-bad-soft',
  quiet: 'text-accent hover:underline',
}

type Look = keyof typeof LOOKS

/** Operators see more at once, and have a mouse. */
const SIZES = {
  normal: 'min-h-11 gap-2 px-4 py-2',
  small: 'min-h-8 gap-1.5 px-3 py-1 text-sm whitespace-nowrap',
}

function classes(look: Look, small: boolean, extra = '') {
  const base =
    'inline-flex items-center justify-center rounded-lg text-center font-medium transition-colors disabled:cursor-not-allowed disabled:opacity-60'
  return `${base} ${small ? SIZES.small : SIZES.normal} ${LOOKS[look]} ${extra}`
}

interface ButtonProps extends ComponentProps<'button'> {
  look?: Look
  /** The work it began is under way. It stays in place and keeps the focus. */
  busy?: boolean
  /** Not now. It stays in place and keeps the focus, too. */
  blocked?: boolean
  small?: boolean
}

export function Button({
  look = 'secondary',
  busy = false,
  blocked = false,
  small = false,
  className = '',
  onClick,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      aria-disabled={busy || blocked || undefined}
      onClick={busy || blocked ? (event) => event.preventDefault() : onClick}
      className={classes(look, small, blocked ? `cursor-not-allowed opacity-60 ${className}` : className)}
      {...rest}
    >
      {busy && <Spinner />}
      {children}
    </button>
  )
}

interface ButtonLinkProps extends ComponentProps<typeof Link> {
  look?: Look
  small?: boolean
}

export function ButtonLink({ look = 'secondary', small = false, className, ...rest }: ButtonLinkProps) {
  return <Link className={classes(look, small, className)} {...rest} />
}

export function Spinner() {
  return (
    <span
      aria-hidden="true"
      className="inline-block size-4 shrink-0 animate-spin rounded-full border-2 border-current border-r-transparent"
    />
  )
}
