import { useTranslation } from '../i18n/setup'
import { Link } from '../app/navigation'
import type { Found } from '../api/nanos'
import { Ring } from '../ui/ring'
import { Facts } from './facts'
import { Highlighted } from './highlighted'
import { Picture } from './picture'

/** A nano in the catalogue; all of it leads to the nano's page. */
export function NanoCard({ nano, eager }: { nano: Found; eager: boolean }) {
  const { t } = useTranslation()
  const { highlights } = nano
  return (
    <article className="relative flex h-full flex-col overflow-hidden rounded-xl border border-line bg-surface transition-shadow focus-within:border-accent hover:border-accent hover:shadow-md">
      <div className="relative">
        <Picture nano={nano} eager={eager} sizes="(min-width: 64rem) 23rem, (min-width: 40rem) 50vw, 100vw" />
        <span
          aria-hidden="true"
          className="absolute right-2 bottom-2 flex items-center gap-1.5 rounded-full bg-[#16201c] py-1 pr-3 pl-1 text-sm font-semibold text-white"
        >
          <Ring part={nano.duration_minutes / 60} className="size-5 [--line:rgb(255_255_255/0.3)]" />
          {t('nano.minutesShort', { count: nano.duration_minutes })}
        </span>
      </div>
      <div className="flex flex-1 flex-col gap-2 p-4">
        <h2 lang={nano.language} className="text-lg leading-snug font-semibold">
          <Link to={`/nanos/${nano.id}`} className="after:absolute after:inset-0">
            <Highlighted text={nano.title} highlight={highlights?.title} />
          </Link>
        </h2>
        <p lang={nano.language} className="line-clamp-3 text-muted">
          <Highlighted
            text={nano.description}
            highlight={highlights?.description ?? (highlights?.title ? null : highlights?.body)}
          />
        </p>
        <div className="mt-auto space-y-2 pt-2">
          <Facts nano={nano} />
          <p className="text-sm text-muted">{t('nano.by', { name: nano.creator.name })}</p>
        </div>
      </div>
    </article>
  )
}

/** The room of a card whose nano is on its way. */
export function CardPlaceholder() {
  return (
    <div aria-hidden="true" className="overflow-hidden rounded-xl border border-line bg-surface">
      <div className="aspect-video bg-sunken" />
      <div className="h-[13.5rem] space-y-3 p-4">
        <div className="h-5 w-3/4 rounded bg-sunken" />
        <div className="h-4 w-full rounded bg-sunken" />
        <div className="h-4 w-2/3 rounded bg-sunken" />
      </div>
    </div>
  )
}
