import type { maintenance as german } from './maintenance.de'

/** In English: maintenance. */
export const maintenance: typeof german = {
  maintenance: {
    title: 'Maintenance',
    lead: 'During maintenance people read, search, download and sign in, but change nothing, and no job starts.',
    off: 'No maintenance',
    offText: 'Changes are taken, and jobs run.',
    on: 'In maintenance',
    onText:
      'Everybody reads this message on every page. What ran goes on to its end: wait until no job runs under “Workers”.',
    since: 'Since',
    retry: 'Try again after',
    message: 'Message for everybody',
    messageHint: 'Shown on every page, and kept in the audit log. Best with the time when it will be over.',
    begin: 'Begin maintenance',
    beginTitle: 'Begin maintenance?',
    beginText:
      'Within a second or two the platform takes no more changes, and no job starts. A pause of everything becomes part of it and ends with it.',
    begun: 'Maintenance has begun.',
    change: 'Change the message',
    changeTitle: 'Change the message',
    changeText: 'Maintenance goes on, with this message and this time.',
    changed: 'The message was changed.',
    end: 'End maintenance',
    endTitle: 'End maintenance?',
    endText: 'Changes are taken again, and the queues go on.',
    ended: 'Maintenance is over.',
  },
}
