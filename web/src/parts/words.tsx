import type { PendingEdit } from '../api/types'

/** The title and description that a published nano is to have. */
export function Words({ edit, language }: { edit: PendingEdit; language: string }) {
  return (
    <div lang={language} className="my-3 border-l-4 border-line pl-4">
      <p className="font-semibold">{edit.title}</p>
      <p className="whitespace-pre-line">{edit.description}</p>
    </div>
  )
}
