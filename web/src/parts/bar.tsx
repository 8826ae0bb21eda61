interface BarProps {
  /** 0 to 1. */
  part: number
  label: string
  className: string
}

/** How far something is. */
export function Bar({ part, label, className }: BarProps) {
  const percent = Math.floor(part * 100)
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      className={`overflow-hidden rounded-full bg-sunken inset-ring inset-ring-edge ${className}`}
    >
      <div className="h-full bg-accent transition-[width]" style={{ width: `${percent}%` }} />
    </div>
  )
}
