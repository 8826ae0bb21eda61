/** Kinds of jobs that have a name in words; a newer release may have others. */
export const KINDS = [
  'validate_archive',
  'make_thumbnails',
  'scan_content',
  'review_nano',
  'publish_nano',
  'index_nano',
  'scan_edit',
  'scan_profile',
  'scan_rating',
  'index_rated',
  'send_email',
  'remind_moderators',
  'remove_object',
  'expire_uploads',
  'export_audit_log',
  'reconcile_storage',
  'recheck_totals',
  'reindex',
  'retention',
  'bulk_action',
  'cancel_flow',
  'prune_ledger',
  'roll_up_stats',
  'tell_given_up',
] as const

export type Kind = (typeof KINDS)[number]

export const isKind = (kind: string): kind is Kind => (KINDS as readonly string[]).includes(kind)
