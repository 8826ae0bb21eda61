const PATHS = {
  search: 'M17 17l4 4M3 11a8 8 0 1 0 16 0a8 8 0 1 0-16 0',
  clock: 'M12 7v5l3 2M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0',
  level: 'M5 20v-5M12 20V10M19 20V4',
  check: 'M4 12.5l5 5L20 6.5',
  cross: 'M6 6l12 12M18 6L6 18',
  warning: 'M12 8v5M12 16.5v.01M12 3L2.5 20h19z',
  info: 'M12 11v5.5M12 7.5v.01M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0',
  pulse: 'M3 12h4l3-8 4 16 3-8h4',
  filter: 'M3 5h18M6.5 12h11M10 19h4',
  pause: 'M9 5v14M15 5v14',
  person: 'M4 21c0-4 3.6-6.5 8-6.5s8 2.5 8 6.5M8 7a4 4 0 1 0 8 0a4 4 0 1 0-8 0',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  download: 'M12 4v11M7 10.5l5 5 5-5M4 20h16',
  upload: 'M12 16V5M7 9.5l5-5 5 5M4 20h16',
  heart: 'M12 20.5l-7.7-7.7a4.9 4.9 0 0 1 7-6.9l.7.7.7-.7a4.9 4.9 0 0 1 7 6.9z',
  message: 'M4 5h16v11H10l-5 4v-4H4z',
  star: 'M12 3l2.8 6 6.5.7-4.9 4.4 1.4 6.5-5.8-3.3-5.8 3.3 1.4-6.5L2.7 9.7l6.5-.7z',
  menu: 'M4 7h16M4 12h16M4 17h16',
  video: 'M3 6h12v12H3zM15 10l6-3v10l-6-3',
  text: 'M5 6h14M5 10h14M5 14h14M5 18h9',
  quiz: 'M9 9a3 3 0 1 1 4.2 2.8c-.8.4-1.2 1-1.2 2.2M12 17.5v.01M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0',
  interactive: 'M8 4l10 9-5 .7 3 5-2.2 1.3-3-5.1L8 18z',
  mixed: 'M4 4h7v7H4zM13 13h7v7h-7zM16.5 4l3.5 7h-7zM4 16.5a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0',
}

export type IconName = keyof typeof PATHS

export const ICONS = Object.keys(PATHS) as IconName[]

/** A picture beside words that say the same. */
export function Icon({ name, className = 'size-5' }: { name: IconName; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 24 24"
      className={`shrink-0 ${className}`}
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
