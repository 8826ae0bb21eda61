import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Finding, Report, Scan, ScanFinding } from '../api/types'
import { count as number } from '../format'
import { useLanguage } from '../i18n/setup'

/** Why the archive check refused a file: what, where, and how to put it right. */
export function Rejections({ report }: { report: Report }) {
  const { t } = useTranslation()
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
  const { t } = useTranslation()
  const language = useLanguage()
  return (
    <ul className="space-y-4">
      {findings.map((finding, place) => (
        <Item key={place} bad={bad} code={finding.code} entry={finding.entry}>
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

/** What the content scan found. */
export function ScanFindings({ scan }: { scan: Scan }) {
  const { t } = useTranslation()
  const language = useLanguage()
  return (
    <ul className="space-y-4">
      {scan.findings.map((finding) => (
        <Item
          key={`${finding.rule} ${finding.entry}`}
          bad={finding.action === 'quarantine'}
          code={finding.rule}
          entry={finding.entry}
        >
          <p className="font-medium">{language === 'de' ? finding.de : finding.en}</p>
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
  const { t } = useTranslation()
  const look = { note: '', review: 'font-medium text-warn', quarantine: 'font-medium text-bad' }[action]
  return <span className={look}>{t(`report.action.${action}`)}</span>
}

interface ItemProps {
  bad: boolean
  code: string
  entry?: string
  children: ReactNode
}

function Item({ bad, code, entry, children }: ItemProps) {
  const { t } = useTranslation()
  return (
    <li className={`space-y-1 border-l-4 pl-4 ${bad ? 'border-bad' : 'border-line'}`}>
      {children}
      <p className="flex flex-wrap gap-x-4 text-sm text-muted">
        {entry && (
          <span>
            {t('report.entry')}: <span className="font-mono break-all text-ink">{entry}</span>
          </span>
        )}
        <span>
          {t('report.code')}: <span className="font-mono">{code}</span>
        </span>
      </p>
    </li>
  )
}
