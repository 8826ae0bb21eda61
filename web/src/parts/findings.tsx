import type { ReactNode } from 'react'
import { useLanguage } from '../i18n/setup'
import { useTexts } from '../features/studio/texts'
import type { Finding, Report, Scan, ScanFinding, StepNote } from '../api/types'
import { count as number } from '../format'

/** Why the archive check refused a file: what, where, and how to put it right. */
export function Rejections({ report }: { report: Report }) {
  const { t } = useTexts()
  const findings = report.findings.filter((finding) => finding.severity === 'reject')
  return (
    <>
      <p className="mb-4">{t('report.rejectedText')}</p>
      <List findings={findings} bad />
      {!report.content_checked && <p className="mt-4 text-sm text-muted">{t('report.contentSkipped')}</p>}
    </>
  )
}

/** What the archive check noted beside its verdict. */
export function Notes({ report }: { report: Report }) {
  return <List findings={report.findings.filter((finding) => finding.severity === 'note')} />
}

function List({ findings, bad = false }: { findings: Finding[]; bad?: boolean }) {
  const { t } = useTexts()
  const language = useLanguage()
  return (
    <ul className="space-y-4">
      {findings.map((finding, place) => (
        <Item key={place} bad={bad} code={finding.code} entry={finding.entry} others={others(finding)}>
          <p className="font-medium">{language === 'de' ? finding.message_de : finding.message_en}</p>
          {finding.detail && <p className="text-sm text-muted">{finding.detail}</p>}
          <p>{language === 'de' ? finding.hint_de : finding.hint_en}</p>
          {finding.offset !== undefined && (
            <p className="text-sm text-muted">
              {t('report.offset', { offset: number(finding.offset, language) })}
            </p>
          )}
        </Item>
      ))}
    </ul>
  )
}

/** The other files that a finding names, and how many more there are. */
function others({ count = 1, entry, examples = [] }: Finding) {
  if (count < 2) return undefined
  const named = examples.filter((name) => name !== entry)
  return { named, more: Math.max(count - named.length - (entry ? 1 : 0), 0) }
}

/** What cost the nano a thumbnail or some words in the search, and what to do about it. */
export function StepNotes({ notes }: { notes: StepNote[] }) {
  const language = useLanguage()
  return (
    <ul className="space-y-4">
      {notes.map((note, place) => (
        <Item key={place} bad={false} code={note.code} entry={note.entry || undefined}>
          <p>{note.hint[language]}</p>
        </Item>
      ))}
    </ul>
  )
}

/** Not of a file, but of the nano itself; no file in an archive is without an ending. */
const isField = (entry: string): entry is 'title' | 'description' =>
  entry === 'title' || entry === 'description'

/** What the content scan found. */
export function ScanFindings({ scan }: { scan: Scan }) {
  const { t } = useTexts()
  const language = useLanguage()
  return (
    <ul className="space-y-4">
      {scan.findings.map((finding) => (
        <Item
          key={`${finding.rule} ${finding.entry}`}
          bad={finding.action === 'quarantine'}
          code={finding.rule}
          entry={isField(finding.entry) ? undefined : finding.entry}
        >
          <p className="font-medium">
            {isField(finding.entry) && `${t(`studio.fields.${finding.entry}`)}: `}
            {language === 'de' ? finding.de : finding.en}
          </p>
          <p className="text-sm text-muted">
            <ScanWeight finding={finding} /> · {t('report.times', { count: finding.count })}
            {finding.excerpt && (
              <>
                {' '}
                · <q>{finding.excerpt}</q>
              </>
            )}
          </p>
        </Item>
      ))}
    </ul>
  )
}

function ScanWeight({ finding: { action } }: { finding: ScanFinding }) {
  const { t } = useTexts()
  const look = { note: '', review: 'font-medium text-warn', quarantine: 'font-medium text-bad' }[action]
  return <span className={look}>{t(`report.action.${action}`)}</span>
}

interface ItemProps {
  bad: boolean
  code: string
  entry?: string
  others?: { named: string[]; more: number }
  children: ReactNode
}

function Item({ bad, code, entry, others, children }: ItemProps) {
  const { t } = useTexts()
  return (
    <li className={`space-y-1 border-l-4 pl-4 ${bad ? 'border-bad' : 'border-line'}`}>
      {children}
      <p className="flex flex-wrap gap-x-4 text-sm text-muted">
        {entry && (
          <span>
            {t('report.entry')}: <span className="font-mono break-all text-ink">{entry}</span>
            {others?.named.map((name) => (
              <span key={name}>
                , <span className="font-mono break-all text-ink">{name}</span>
              </span>
            ))}
            {others && others.more > 0 && ` ${t('report.more', { count: others.more })}`}
          </span>
        )}
        <span>
          {t('report.code')}: <span className="font-mono">{code}</span>
        </span>
      </p>
    </li>
  )
}
