/** The room of something that is on its way; seen only when that takes longer than a blink. */
export function Skeleton({ className }: { className: string }) {
  return <div aria-hidden="true" className={`late rounded-lg bg-sunken ${className}`} />
}
