import { pieces } from '../highlight'

/** A text, or what the search says about it with the matches marked. */
export function Highlighted({ text, highlight }: { text: string; highlight?: string | null }) {
  if (!highlight) return text
  return pieces(highlight).map(({ text, match }, place) =>
    match ? (
      <mark key={place} className="rounded-sm bg-warn-soft text-warn">
        {text}
      </mark>
    ) : (
      text
    ),
  )
}
