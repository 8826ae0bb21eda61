import { useState, type FormEvent } from 'react'
import { Button } from './button'
import { Icon } from './icon'

interface SearchBoxProps {
  label: string
  hint: string
  /** On the button. */
  button: string
  /** What it begins with. */
  words: string
  onSearch: (words: string) => void
}

/** Words apply when they are sent. */
export function SearchBox({ label, hint, button, words, onSearch }: SearchBoxProps) {
  const [text, setText] = useState(words)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSearch(text.trim())
  }
  return (
    <form onSubmit={submit} className="flex gap-2">
      <label className="relative min-w-0 flex-1">
        <span className="sr-only">{label}</span>
        <Icon name="search" className="pointer-events-none absolute top-3 left-3 size-5 text-muted" />
        <input
          type="search"
          value={text}
          maxLength={200}
          onChange={(event) => setText(event.target.value)}
          placeholder={hint}
          className="min-h-11 w-full rounded-lg border border-edge bg-surface py-2 pr-3 pl-10"
        />
      </label>
      <Button type="submit" look="primary">
        {button}
      </Button>
    </form>
  )
}
