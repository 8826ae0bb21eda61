//! Everything a handler may use, built once per process.

use std::{path::PathBuf, sync::Arc};

use archive::Limits;
use db::{Db, DbError, Tx, clock::Clock};
use domain::{audit::Entry, review::ReviewPolicy};
use infra::{
    cache::Cache,
    db::{audit_log, stored_objects},
    mail::Mailer,
    seal::DataKeys,
    search::SearchBackend,
    storage::{LockMode, Storage},
    webhook::WebhookSender,
};
use queue::{JobError, LedgerDays, QueueContext, Run, control::Act};

#[derive(Clone)]
pub struct Context {
    pub db: Db,
    pub storage: Storage,
    pub search: SearchBackend,
    pub cache: Cache,
    pub mailer: Mailer,
    pub webhooks: WebhookSender,
    /// Opens what stands sealed in the database.
    pub data_keys: Arc<DataKeys>,
    pub clock: Clock,
    pub settings: Arc<Settings>,
}

/// Settings of the handlers.
#[derive(Clone, Debug)]
pub struct Settings {
    pub review_policy: ReviewPolicy,
    pub archive_limits: Limits,
    /// Where archives are unpacked and rebuilt; emptied at start.
    pub scratch: PathBuf,
    /// Scan rules of this deployment's own, beside ours.
    pub rules: Option<PathBuf>,
    /// The web app's address, for links in mails.
    pub public_url: String,
    /// How long a job that has ended stays in the ledger.
    pub ledger_days: LedgerDays,
    pub periodic: PeriodicSettings,
}

/// Settings of the periodic jobs: numbers of days, unless it says otherwise.
#[derive(Clone, Debug)]
pub struct PeriodicSettings {
    /// Protects exports of the audit log in a bucket with Object Lock.
    pub audit_lock: Option<AuditLock>,
    /// Objects without a row are removed when they are older.
    pub storage_grace_days: u32,
    /// File bytes of deleted nanos.
    pub files_days: u32,
    /// What deleted nanos and accounts say about people.
    pub metadata_days: u32,
    /// Who downloaded what.
    pub downloads_days: u32,
    /// Mails that were sent or refused.
    pub mails_days: u32,
    /// Moderators are reminded of cases that wait longer than this many hours; 0: never.
    pub remind_hours: u32,
    /// Chats in which nobody has written for so long are archived.
    pub chat_idle_days: u32,
    /// At least this many hours lie between two mails to a person about unread messages; 0: there are none.
    pub chat_mail_hours: u32,
    /// What endpoints were told, and what became of it.
    pub webhooks_days: u32,
    /// Endpoints that have failed for so long are told nothing any more.
    pub webhook_failing_days: u32,
    /// Accounts that nobody has used for so long end, after a warning 30 days before; 0: never.
    pub inactive_days: u32,
}

impl Default for PeriodicSettings {
    fn default() -> Self {
        Self {
            audit_lock: None,
            storage_grace_days: 2,
            files_days: 730,
            metadata_days: 2_190,
            downloads_days: 400,
            mails_days: 365,
            remind_hours: 24,
            chat_idle_days: 30,
            chat_mail_hours: 6,
            webhooks_days: 30,
            webhook_failing_days: 5,
            inactive_days: 365,
        }
    }
}

/// How long an export of the audit log can neither be changed nor removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLock {
    pub mode: LockMode,
    pub days: u32,
}

impl Context {
    /// A folder for one run's files; gone when dropped, and at the next start after a crash.
    pub(crate) fn scratch_dir(&self, run: &Run) -> Result<tempfile::TempDir, JobError> {
        tempfile::Builder::new()
            .prefix(&format!("{}-", run.job()))
            .tempdir_in(run.scratch().unwrap_or(&self.settings.scratch))
            .map_err(JobError::from)
    }
}

impl QueueContext for Context {
    fn db(&self) -> &Db {
        &self.db
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn ledger_days(&self) -> LedgerDays {
        self.settings.ledger_days
    }

    async fn audit(&self, tx: &mut Tx, act: Act) -> Result<(), DbError> {
        let entry = Entry::by_system(act.action, act.target_type, act.target_id, act.details, self.clock.now());
        audit_log::append(tx, &entry).await.map(|_| ())
    }

    /// What the newest comparison of storage and rows found.
    async fn measure(&self) -> Result<(), DbError> {
        if let Some(report) = stored_objects::reports(&self.db, 1).await?.pop() {
            metrics::gauge!("storage_objects").set(report.objects as f64);
            metrics::gauge!("storage_bytes").set(report.bytes as f64);
            metrics::gauge!("storage_orphan_objects").set(report.orphans.saturating_sub(report.removed) as f64);
            metrics::gauge!("storage_unknown_objects").set(report.unknown_objects as f64);
            metrics::gauge!("storage_missing_objects").set(report.missing as f64);
        }
        Ok(())
    }
}
