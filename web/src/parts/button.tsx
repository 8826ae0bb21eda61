import type { ComponentProps } from 'react'
import { Link } from 'react-router'

const LOOKS = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong',
  secondary: 'border border-edge bg-surface text-ink hover:border-accent hover:text-accent',
  danger: 'border border-bad bg-surface text-bad hover:bg-bad-soft',
  quiet: 'text-accent hover:underline',
}

type Look = keyof typeof LOOKS

function classes(look: Look, extra = '') {
  const base =
    'inline-flex min-h-11 items-center justify-center gap-2 rounded-lg px-4 py-2 text-center font-medium transition-colors disabled:cursor-not-allowed disabled:opacity-60'
  return `${base} ${LOOKS[look]} ${extra}`
}

interface ButtonProps extends ComponentProps<'button'> {
  look?: Look
  /** The work it began is under way. It stays in place and keeps the focus. */
  busy?: boolean
  /** Not now. It stays in place and keeps the focus, too. */
  blocked?: boolean
}

export function Button({
  look = 'secondary',
  busy = false,
  blocked = false,
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
      className={classes(look, blocked ? `cursor-not-allowed opacity-60 ${className}` : className)}
      {...rest}
    >
      {busy && <Spinner />}
      {children}
    </button>
  )
}

interface ButtonLinkProps extends ComponentProps<typeof Link> {
  look?: Look
}

export function ButtonLink({ look = 'secondary', className, ...rest }: ButtonLinkProps) {
  return <Link className={classes(look, className)} {...rest} />
}

export function Spinner() {
  return (
    <span
      aria-hidden="true"
      className="inline-block size-4 shrink-0 animate-spin rounded-full border-2 border-current border-r-transparent"
    />
  )
}
