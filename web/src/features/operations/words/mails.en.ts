import type { mails as german } from './mails.de'

/** In English: mails of unknown fate. */
export const mails: typeof german = {
  mails: {
    title: 'Mails',
    lead: 'Mails of which nobody can tell whether they left: the connection broke after the mail server had asked for the message and before its answer was written down. They are not sent again by themselves.',
    how: 'Look for the Message-ID in the log of the mail server. If it is there, the mail left.',
    mail: 'Mail',
    to: 'To',
    since: 'Unknown for',
    settled: 'This mail was settled meanwhile. Load the page again.',
    sent: {
      action: 'It was sent',
      title: 'This mail was sent',
      text: 'It counts as sent and leaves this list.',
      done: 'The mail counts as sent.',
    },
    send_again: {
      action: 'Send again',
      title: 'Send this mail again',
      text: 'It goes out once more under the same Message-ID. If it had arrived after all, it may come twice.',
      done: 'The mail is being sent again.',
    },
    empty: 'No mails of unknown fate',
    emptyText: 'Of every mail it is known whether it left.',
  },
}
