import { audit } from './words/audit.de'
import { jobs } from './words/jobs.de'
import { mails } from './words/mails.de'
import { maintenance } from './words/maintenance.de'
import { overview } from './words/overview.de'
import { queues } from './words/queues.de'
import { schedules } from './words/schedules.de'
import { shared } from './words/shared.de'

/** The texts of operations; `en.ts` has the same keys. */
export const de = {
  ...shared,
  ...overview,
  ...jobs,
  ...queues,
  ...schedules,
  ...mails,
  ...maintenance,
  ...audit,
}
