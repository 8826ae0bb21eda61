import { useId, useState } from 'react'
import { BEST } from './api'
import { fullness } from './fullness'
import { useTexts } from './texts'

const SCORES = Array.from({ length: BEST }, (_, place) => place + 1)
const STAR = 'M12 2.5l2.9 6.3 6.9.8-5.1 4.7 1.4 6.8-6.1-3.4-6.1 3.4 1.4-6.8-5.1-4.7 6.9-.8z'

/** A score, said in words to whoever does not see it. */
export function Stars({ score, className = 'size-5' }: { score: number; className?: string }) {
  const { t, i18n } = useTexts()
  const words = Number.isInteger(score)
    ? t('stars', { count: score })
    : t('average', { average: new Intl.NumberFormat(i18n.language).format(score) })
  return (
    <span role="img" aria-label={words} className="inline-flex text-accent">
      {SCORES.map((place) => (
        <Star key={place} full={fullness(score, place)} className={className} />
      ))}
    </span>
  )
}

function Star({ full, className }: { full: number; className: string }) {
  const id = useId()
  return (
    <svg aria-hidden="true" viewBox="0 0 24 24" className={`shrink-0 ${className}`}>
      <defs>
        <linearGradient id={id}>
          <stop offset={full} stopColor="currentColor" />
          <stop offset={full} stopColor="transparent" />
        </linearGradient>
      </defs>
      <path d={STAR} fill={`url(#${id})`} stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" />
    </svg>
  )
}

interface StarFieldProps {
  name: string
  score: number
  error?: string
}

/** A choice of one to five stars: radio buttons, for keyboards and screen readers too. */
export function StarField({ name, score: first, error }: StarFieldProps) {
  const { t } = useTexts()
  const [score, setScore] = useState(first)
  const id = useId()
  return (
    <fieldset aria-describedby={error ? id : undefined}>
      <legend className="mb-1 font-medium">{t('score')}</legend>
      <div className="inline-flex text-accent">
        {SCORES.map((place) => (
          <label
            key={place}
            className="grid size-11 cursor-pointer place-items-center rounded-lg hover:bg-sunken has-focus-visible:outline-2"
          >
            <input
              type="radio"
              name={name}
              value={place}
              checked={score === place}
              aria-invalid={(error !== undefined && place === 1) || undefined}
              onChange={() => setScore(place)}
              className="sr-only"
            />
            <span className="sr-only">{t('stars', { count: place })}</span>
            <Star full={score >= place ? 1 : 0} className="size-8" />
          </label>
        ))}
      </div>
      {error && (
        <p id={id} className="mt-1 text-sm font-medium text-bad">
          {t('score')}: {error}
        </p>
      )}
    </fieldset>
  )
}
