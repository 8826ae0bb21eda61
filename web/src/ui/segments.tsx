import { useId } from 'react'

interface SegmentsProps<T extends string> {
  label: string
  value: T
  options: readonly (readonly [value: T, label: string])[]
  onChange: (value: T) => void
}

/** One of a few, side by side. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  const name = useId()
  return (
    <fieldset className="px-3 py-2">
      <legend className="mb-1 text-sm text-muted">{label}</legend>
      <div className="flex rounded-lg border border-line bg-sunken p-0.5">
        {options.map(([option, words]) => (
          <label
            key={option}
            className="flex min-h-9 flex-1 cursor-pointer items-center justify-center rounded-md px-1 text-sm font-medium has-checked:bg-surface has-checked:text-accent has-checked:shadow-raised has-focus-visible:outline-3 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name={name}
              value={option}
              checked={value === option}
              onChange={() => onChange(option)}
              className="sr-only"
            />
            {words}
          </label>
        ))}
      </div>
    </fieldset>
  )
}
