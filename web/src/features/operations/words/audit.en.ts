import type { audit as german } from './audit.de'

/** In English: the audit log. */
export const audit: typeof german = {
  audit: {
    title: 'Audit log',
    lead: 'Who did what, and why. Each row carries a hash of itself and all before it: “worker audit verify” checks the whole chain and what was exported of it.',
    action: 'Action',
    personId: 'Account (id)',
    when: 'Time',
    who: 'Who',
    nobody: 'System or unknown',
    target: 'To what',
    more: 'Details',
    number: 'Number',
    network: 'Network',
    browser: 'Program',
    request: 'Request',
    hash: 'Hash',
    result: { denied: 'denied', failed: 'failed' },
    total_one: '{{count, number}} entry',
    total_other: '{{count, number}} entries, newest first',
    totalCapped: 'More than {{count, number}} entries, newest first. Older ones are found by a filter.',
    empty: 'No entries',
    emptyText: 'The audit log has nothing that fits this filter.',
  },
}
