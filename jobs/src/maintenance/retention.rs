//! Ends what has had its time: expired links and tokens, answers that are no longer given again, who downloaded what, and what deleted nanos and accounts
//! leave behind. The figures are settings.

use std::{future::Future, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use content::thumbnail::WIDTHS;
use db::{Db, DbError, Tx};
use domain::{
    audit::Entry,
    ids::{NanoId, UserId},
    user::Email,
};
use infra::db::{audit_log, idempotency_keys, passkey_ceremonies, registrations, retention, stored_objects};
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Run, enqueue, schedule::Schedule};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, RemoveObject, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Retention {}

/// Expired tokens stay a day longer, so that using one late is told from using a wrong one.
const TOKENS: TimeDelta = TimeDelta::days(1);
/// Wishes for another address, whose links are good for a day from when the mail leaves.
const WISHES: TimeDelta = TimeDelta::days(7);
/// Accounts that nobody has confirmed and nobody uses: they hold a username.
const UNCONFIRMED: TimeDelta = TimeDelta::days(30);
/// What people were told of in the app.
const NOTIFICATIONS: TimeDelta = TimeDelta::days(90);
/// Which nanos saved searches have told of; they look back for a week.
const ALERTED: TimeDelta = TimeDelta::days(30);
/// Uploads that came to nothing.
const UPLOADS: TimeDelta = TimeDelta::days(90);
/// Reports about the object store.
const REPORTS: TimeDelta = TimeDelta::days(400);
/// Between two steps: those who serve people come first.
const PAUSE: Duration = Duration::from_millis(10);

impl Job<Context> for Retention {
    const KIND: &'static str = "retention";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, Context>("0 0 4 * * *", "Europe/Berlin").jitter(300));
    const TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let (db, now) = (&context.db, context.clock.now());
        let periodic = &context.settings.periodic;
        let days = |days: u32| now - TimeDelta::days(days.into());
        let mut done = Done { run, counts: Vec::new() };
        done.rows("mail links", now - TOKENS, db, retention::prune_email_tokens).await?;
        done.rows("wishes for another address", now - WISHES, db, retention::prune_email_changes).await?;
        done.rows("pauses between mails", now - TOKENS, db, retention::prune_verification_pauses).await?;
        let answers = now - idempotency_keys::LIFETIME;
        done.rows("answers to keyed requests", answers, db, retention::prune_idempotency_keys).await?;
        done.rows("links in mails of earlier builds", now, db, |db, _| retention::forget_mailed_links(db)).await?;
        done.addresses(db).await?;
        done.subjects(context, Subject::Registrations, now - UNCONFIRMED).await?;
        done.rows("refresh tokens", now - TOKENS, db, retention::prune_refresh_tokens).await?;
        done.rows("personal access tokens", now - TOKENS, db, retention::prune_personal_tokens).await?;
        done.rows("unfinished second factors", now - TOKENS, db, retention::prune_unfinished_factors).await?;
        done.rows("passkey challenges", now, db, passkey_ceremonies::prune).await?;
        done.rows("downloads", days(periodic.downloads_days), db, retention::prune_downloads).await?;
        done.rows("mails", days(periodic.mails_days), db, retention::prune_mails).await?;
        done.rows("notifications", now - NOTIFICATIONS, db, retention::prune_notifications).await?;
        done.rows("nanos that searches have told of", now - ALERTED, db, retention::prune_alerted_nanos).await?;
        done.rows("webhook deliveries", days(periodic.webhooks_days), db, retention::prune_webhook_deliveries).await?;
        done.rows("replaced secrets of webhooks", now - TOKENS, db, retention::prune_webhook_secrets).await?;
        done.rows("uploads", now - UPLOADS, db, retention::prune_uploads).await?;
        stored_objects::prune_reports(db, now - REPORTS).await?;
        while retention::date_deleted_nanos(db).await? > 0 {}
        done.subjects(context, Subject::Files, days(periodic.files_days)).await?;
        done.subjects(context, Subject::Words, days(periodic.metadata_days)).await?;
        done.subjects(context, Subject::Names, days(periodic.metadata_days)).await?;
        done.tell();
        Ok(Outcome::Done)
    }
}

/// What was done so far, by what.
struct Done<'a> {
    run: &'a Run,
    counts: Vec<(&'static str, u64)>,
}

impl Done<'_> {
    /// Steps over rows until one finds none.
    async fn rows<'a, F>(
        &mut self,
        what: &'static str,
        before: DateTime<Utc>,
        db: &'a Db,
        step: impl Fn(&'a Db, DateTime<Utc>) -> F,
    ) -> Result<(), JobError>
    where
        F: Future<Output = Result<u64, DbError>> + 'a,
    {
        let mut rows = 0;
        while !self.run.cancelled().is_cancelled() {
            let found = step(db, before).await?;
            rows += found;
            if found == 0 {
                break;
            }
            self.run.progress(rows, None, what);
            tokio::time::sleep(PAUSE).await;
        }
        self.counts.push((what, rows));
        Ok(())
    }

    /// Addresses as earlier builds have stored them, with domains in their own letters, get the form they are compared by.
    async fn addresses(&mut self, db: &Db) -> Result<(), JobError> {
        let (mut after, mut respelled) = (UserId(Uuid::nil()), 0);
        while !self.run.cancelled().is_cancelled() {
            let found = retention::addresses_beyond_ascii(db, after).await?;
            let Some((last, _)) = found.last() else { break };
            after = *last;
            for (id, old) in &found {
                let Ok(email) = old.parse::<Email>() else { continue };
                if email.as_str() != old && retention::respell_address(db, *id, old, email.as_str()).await? {
                    respelled += 1;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.counts.push(("addresses in their ASCII form", respelled));
        Ok(())
    }

    /// Steps over nanos or accounts, each in a transaction that still owns the job.
    async fn subjects(&mut self, context: &Context, subject: Subject, before: DateTime<Utc>) -> Result<(), JobError> {
        let mut subjects = 0;
        while !self.run.cancelled().is_cancelled() {
            let mut tx = self.run.transaction(context).await?;
            let found = subject.step(&mut tx, before, context.clock.now()).await?;
            tx.commit().await?;
            subjects += found as u64;
            if found == 0 {
                break;
            }
            self.run.progress(subjects, None, subject.name());
            tokio::time::sleep(PAUSE).await;
        }
        self.counts.push((subject.name(), subjects));
        Ok(())
    }

    fn tell(&self) {
        let fields: Vec<_> =
            self.counts.iter().filter(|(_, rows)| *rows > 0).map(|(what, n)| (*what, (*n).into())).collect();
        if !fields.is_empty() {
            self.run.log(Level::Info, "what had its time is gone", &fields);
        }
    }
}

/// What loses something without being deleted.
#[derive(Clone, Copy)]
enum Subject {
    /// Accounts whose address was never confirmed end.
    Registrations,
    /// Deleted nanos lose their files.
    Files,
    /// And later what was written about them.
    Words,
    /// Deleted accounts lose the person.
    Names,
}

impl Subject {
    const fn name(self) -> &'static str {
        match self {
            Self::Registrations => "registrations that were never confirmed",
            Self::Files => "nanos without files",
            Self::Words => "nanos without words",
            Self::Names => "accounts without names",
        }
    }

    /// A few of those that were deleted before `before`; how many.
    async fn step(self, tx: &mut Tx, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<usize, JobError> {
        Ok(match self {
            Self::Registrations => {
                let accounts = retention::lock_unconfirmed(tx, before).await?;
                for account in &accounts {
                    registrations::close(tx, *account, now).await?;
                    let entry = Entry::by_system("user.never_confirmed", "user", Some(account.0), json!({}), now);
                    audit_log::append(tx, &entry).await?;
                }
                accounts.len()
            }
            Self::Files => {
                let nanos = retention::lock_with_files(tx, before).await?;
                for nano in &nanos {
                    remove_files(tx, *nano, now).await?;
                }
                nanos.len()
            }
            Self::Words => {
                let nanos = retention::lock_speaking(tx, before).await?;
                for nano in &nanos {
                    retention::anonymise_nano(tx, *nano, now).await?;
                }
                nanos.len()
            }
            Self::Names => {
                let accounts = retention::lock_named_accounts(tx, before).await?;
                for account in &accounts {
                    retention::anonymise_account(tx, *account, now).await?;
                }
                accounts.len()
            }
        })
    }
}

/// Every object of a nano goes by a job of its own. Removing a width that was never made is no error.
async fn remove_files(tx: &mut Tx, nano: NanoId, now: DateTime<Utc>) -> Result<(), JobError> {
    let mut keys = Vec::new();
    for files in stored_objects::of_nano(tx, nano).await? {
        keys.extend([files.uploaded, files.canonical].into_iter().flatten());
        keys.extend(files.thumbnails.iter().flat_map(|prefix| WIDTHS.map(|width| format!("{prefix}/{width}.webp"))));
    }
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        enqueue(tx, &RemoveObject { key }).await?;
    }
    Ok(retention::set_files_purged(tx, nano, now).await?)
}
