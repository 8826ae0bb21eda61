import type { de } from './de'

export const en: typeof de = {
  moderation: {
    title: 'Moderation',
    lead: 'Versions and changed words that wait for a decision, oldest first.',
    waiting_zero: 'Nothing is waiting',
    waiting_one: '{{count, number}} case is waiting',
    waiting_other: '{{count, number}} cases are waiting',
    empty: 'Everything is decided',
    emptyText: 'No nano is waiting for approval right now.',
    cause: {
      first_upload: 'First nano of this person',
      always: 'Every nano is reviewed',
      flagged: 'Conspicuous content',
      edited: 'Changed title or description',
      comment: 'Comment on a rating',
      reply: 'Reply to a rating',
      unknown: 'A newer release’s cause',
    },
    edit: 'To become',
    since: 'since {{date}}',
    contents: 'Contents of the file',
    noFindings: 'The content check found nothing.',
    reason: 'Reason',
    reasonHint: 'After a rejection, the person who submitted the nano reads it.',
    approve: 'Approve',
    reject: 'Reject',
    approved: '“{{title}}” is approved.',
    rejected: '“{{title}}” is rejected.',
    own: 'Somebody else decides about your own nano.',
  },
}
