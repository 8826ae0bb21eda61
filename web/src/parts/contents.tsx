import { useState } from 'react'
import { useLanguage, useTranslation } from '../i18n/setup'
import type { Entry } from '../api/types'
import { bytes } from '../format'
import { mediaKind } from '../media-kind'

/** Rows shown before a person asks for more. */
const FEW = 12

/** The files of an archive. */
export function Contents({ entries }: { entries: readonly Entry[] }) {
  const { t } = useTranslation()
  const language = useLanguage()
  const [all, setAll] = useState(false)
  const total = entries.reduce((sum, entry) => sum + entry.size, 0)
  const shown = all || entries.length <= FEW + 3 ? entries : entries.slice(0, FEW)
  return (
    <>
      <table className="w-full text-left">
        <caption className="mb-2 text-left text-sm text-muted">
          {t('nano.contentsOf', { count: entries.length, size: bytes(total, language) })}
        </caption>
        <thead className="text-sm text-muted">
          <tr className="border-b border-line">
            <th scope="col" className="py-2 font-medium">
              {t('nano.file')}
            </th>
            <th scope="col" className="hidden py-2 pl-4 font-medium sm:table-cell">
              {t('nano.fileType')}
            </th>
            <th scope="col" className="py-2 pl-4 text-right font-medium">
              {t('nano.size')}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((entry) => (
            <tr key={entry.name} className="border-b border-line last:border-0">
              <td className="py-2">{entry.name}</td>
              <td className="hidden py-2 pl-4 text-sm text-muted sm:table-cell">
                {t(`nano.kinds.${mediaKind(entry.media_type)}`)}
              </td>
              <td className="py-2 pl-4 text-right whitespace-nowrap tabular-nums">
                {bytes(entry.size, language)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {entries.length > FEW + 3 && (
        <button
          type="button"
          aria-expanded={all}
          onClick={() => setAll(!all)}
          className="mt-2 min-h-11 font-medium text-accent hover:underline"
        >
          {all ? t('common.showFewer') : t('common.showAll', { count: entries.length })}
        </button>
      )}
    </>
  )
}
