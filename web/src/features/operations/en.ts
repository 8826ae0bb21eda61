import { audit } from './words/audit.en'
import type { de } from './de'
import { jobs } from './words/jobs.en'
import { mails } from './words/mails.en'
import { maintenance } from './words/maintenance.en'
import { overview } from './words/overview.en'
import { queues } from './words/queues.en'
import { schedules } from './words/schedules.en'
import { shared } from './words/shared.en'

export const en: typeof de = {
  ...shared,
  ...overview,
  ...jobs,
  ...queues,
  ...schedules,
  ...mails,
  ...maintenance,
  ...audit,
}
