//! Settings of the periodic jobs.

use infra::{env::Problems, storage::LockMode};
use jobs::{AuditLock, PeriodicSettings};

// Raw settings of the periodic jobs.
#[derive(clap::Args)]
#[command(next_help_heading = "Periodic jobs")]
pub struct PeriodicArgs {
    /// Object Lock for exports of the audit log: off, governance (people with a special right can lift it) or compliance (nobody can). The bucket must have been made with Object Lock.
    #[arg(long, env = "AUDIT_LOCK", value_name = "MODE", default_value = "off")]
    audit_lock: String,
    /// How long exports of the audit log are locked, in days, 1 to 36500.
    #[arg(long, env = "AUDIT_LOCK_DAYS", value_name = "DAYS", default_value = "2190")]
    audit_lock_days: String,
    /// Objects that no row names are removed when they are older, in days, 1 to 365.
    #[arg(long, env = "STORAGE_GRACE_DAYS", value_name = "DAYS", default_value = "2")]
    storage_grace_days: String,
    /// Days from the deletion of a nano until its files go, 0 to 36500.
    #[arg(long, env = "RETENTION_FILES_DAYS", value_name = "DAYS", default_value = "730")]
    retention_files_days: String,
    /// Days from the deletion of a nano or an account until what it says about people goes; not before its files do. 0 to 36500.
    #[arg(long, env = "RETENTION_METADATA_DAYS", value_name = "DAYS", default_value = "2190")]
    retention_metadata_days: String,
    /// Days for which is kept who downloaded what, 1 to 36500. Counts stay.
    #[arg(long, env = "RETENTION_DOWNLOADS_DAYS", value_name = "DAYS", default_value = "400")]
    retention_downloads_days: String,
    /// Days for which mails are kept that were sent or refused, 7 to 36500.
    #[arg(long, env = "RETENTION_MAILS_DAYS", value_name = "DAYS", default_value = "365")]
    retention_mails_days: String,
    /// Moderators are reminded, once a day, of cases that wait longer than this many hours, 1 to 8760. 0: never.
    #[arg(long, env = "REMIND_MODERATORS_HOURS", value_name = "HOURS", default_value = "24")]
    remind_moderators_hours: String,
    /// Chats in which nobody has written for so many days are archived, 1 to 3650. A new message opens them again.
    #[arg(long, env = "CHAT_IDLE_DAYS", value_name = "DAYS", default_value = "30")]
    chat_idle_days: String,
    /// Hours between two mails that tell a person of unread chat messages, 1 to 720. 0: no such mails.
    #[arg(long, env = "CHAT_MAIL_HOURS", value_name = "HOURS", default_value = "6")]
    chat_mail_hours: String,
    /// Days for which is kept what webhooks were told and what they answered, 7 to 365.
    #[arg(long, env = "RETENTION_WEBHOOKS_DAYS", value_name = "DAYS", default_value = "30")]
    retention_webhooks_days: String,
    /// Webhooks that have failed for so many days without a success are switched off, 1 to 30; their owner gets a mail.
    #[arg(long, env = "WEBHOOK_FAILING_DAYS", value_name = "DAYS", default_value = "5")]
    webhook_failing_days: String,
    /// Days after which an account that nobody uses ends; its owner is told 30 days before, and keeps it by signing in. 60 to 3650. 0: never.
    #[arg(long, env = "INACTIVE_DAYS", value_name = "DAYS", default_value = "365")]
    inactive_days: String,
}

impl PeriodicArgs {
    /// Adds everything that is wrong to `problems`.
    pub fn check(&self, problems: &mut Problems) -> Option<PeriodicSettings> {
        let modes =
            [("off", None), ("governance", Some(LockMode::Governance)), ("compliance", Some(LockMode::Compliance))];
        let mode = problems.choice("AUDIT_LOCK", &self.audit_lock, &modes, "compliance");
        let days = problems.number("AUDIT_LOCK_DAYS", &self.audit_lock_days, 1..=36_500, "2190");
        let grace = problems.number("STORAGE_GRACE_DAYS", &self.storage_grace_days, 1..=365, "2");
        let files = problems.number("RETENTION_FILES_DAYS", &self.retention_files_days, 0..=36_500, "730");
        let metadata = problems.number("RETENTION_METADATA_DAYS", &self.retention_metadata_days, 0..=36_500, "2190");
        if metadata < files {
            problems.add("RETENTION_METADATA_DAYS", "is less than RETENTION_FILES_DAYS", "2190");
        }
        let downloads = problems.number("RETENTION_DOWNLOADS_DAYS", &self.retention_downloads_days, 1..=36_500, "400");
        let mails = problems.number("RETENTION_MAILS_DAYS", &self.retention_mails_days, 7..=36_500, "365");
        let hours = problems.number("REMIND_MODERATORS_HOURS", &self.remind_moderators_hours, 0..=8_760, "24");
        let idle = problems.number("CHAT_IDLE_DAYS", &self.chat_idle_days, 1..=3_650, "30");
        let mail_hours = problems.number("CHAT_MAIL_HOURS", &self.chat_mail_hours, 0..=720, "6");
        let webhooks = problems.number("RETENTION_WEBHOOKS_DAYS", &self.retention_webhooks_days, 7..=365, "30");
        let failing = problems.number("WEBHOOK_FAILING_DAYS", &self.webhook_failing_days, 1..=30, "5");
        let inactive = problems.number("INACTIVE_DAYS", &self.inactive_days, 0..=3_650, "365");
        if inactive.is_some_and(|days| (1..60).contains(&days)) {
            problems.add("INACTIVE_DAYS", "is less than 60: owners are told 30 days before", "365");
        }
        Some(PeriodicSettings {
            audit_lock: mode?.map(|mode| AuditLock { mode, days: days.unwrap_or_default() }),
            storage_grace_days: grace?,
            files_days: files?,
            metadata_days: metadata?,
            downloads_days: downloads?,
            mails_days: mails?,
            remind_hours: hours?,
            chat_idle_days: idle?,
            chat_mail_hours: mail_hours?,
            webhooks_days: webhooks?,
            webhook_failing_days: failing?,
            inactive_days: inactive?,
        })
    }
}
