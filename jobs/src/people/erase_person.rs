//! Erases a person, step by step: each step is a run of its own, and what it has done is on the request's receipt. Whatever stops
//! it, it goes on where it was; a step that was not noted is done again, and finds nothing left.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    audit::Entry,
    data_request::{Cause, Receipt, State, Step},
    ids::{DataRequestId, NanoId, UserId},
    nano::Status,
    user::Role,
};
use infra::{
    db::{
        audit_log, data_requests, email_tokens, erasure, idempotency_keys, nanos, personal_tokens, refresh_tokens,
        retention, users,
    },
    storage::Key,
};
use queue::{Job, JobError, Level, Outcome, Queue, RetryPolicy, Run, ledger::history::traces};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Context, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct ErasePerson {
    pub request_id: DataRequestId,
}

/// While nobody else is an active admin: others have gone since it was asked for.
const ADMIN_PAUSE: Duration = Duration::from_secs(6 * 3_600);
/// While a mail to somebody else still waits that names the person.
const MAIL_PAUSE: Duration = Duration::from_secs(300);

impl Job<Context> for ErasePerson {
    const KIND: &'static str = "erase_person";
    const QUEUE: Queue = queues::MAINTENANCE;
    /// Nobody may be left half erased: an operator looks at it then, and the hourly `tend_data_requests` begins it again.
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 20, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(2 * 3_600);

    fn unique_key(&self) -> Option<String> {
        Some(self.request_id.to_string())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let now = context.clock.now();
        let Some(request) = data_requests::get(&context.db, self.request_id).await? else { return Ok(Outcome::Done) };
        // Taken back, or done.
        let live = request.state.is_live() && request.due_at <= now;
        let Some(user) = request.user_id.filter(|_| live) else { return Ok(Outcome::Done) };
        let receipt = request.receipt.map(|receipt| receipt.0).unwrap_or_default();
        let Some(step) = receipt.next() else { return Ok(Outcome::Done) };
        run.progress(receipt.steps.len() as u64, Some(Step::ALL.len() as u64), step.as_str());
        let work = Work { context, run, request: self.request_id, user, receipt, now };
        match step {
            Step::Access => work.access().await,
            Step::Nanos => work.nanos().await,
            Step::Exports => work.exports().await,
            Step::Mails => work.mails().await,
            Step::Jobs => work.jobs().await,
            Step::Answers => work.answers().await,
            Step::Account => work.account().await,
        }
    }
}

/// The next step follows at once.
fn on() -> Outcome {
    Outcome::Snooze(Duration::ZERO)
}

/// One step.
struct Work<'a> {
    context: &'a Context,
    run: &'a Run,
    request: DataRequestId,
    user: UserId,
    receipt: Receipt,
    now: DateTime<Utc>,
}

impl Work<'_> {
    async fn begin(&self) -> Result<Tx, JobError> {
        self.run.transaction(self.context).await
    }

    /// What the step has written and that it is done commit together.
    async fn finish(mut self, mut tx: Tx, step: Step) -> Result<Outcome, JobError> {
        self.receipt.finish(step, self.now);
        data_requests::keep_receipt(&mut tx, self.request, &self.receipt).await?;
        tx.commit().await?;
        Ok(on())
    }

    /// A part of a step that has more to do.
    async fn keep(&self, mut tx: Tx) -> Result<(), JobError> {
        data_requests::keep_receipt(&mut tx, self.request, &self.receipt).await?;
        Ok(tx.commit().await?)
    }

    async fn access(mut self) -> Result<Outcome, JobError> {
        let mut tx = self.begin().await?;
        let is_admin = users::get_in(&mut tx, self.user).await?.is_some_and(|user| user.role == Role::Admin);
        // Before the account's own row: everybody takes them in one order.
        if is_admin && users::lock_admins(&mut tx).await?.iter().all(|admin| *admin == self.user) {
            return Ok(Outcome::Snooze(ADMIN_PAUSE));
        }
        users::lock(&mut tx, self.user).await?;
        let request = data_requests::lock(&mut tx, self.request).await?;
        // The person was quicker, and keeps the account.
        let Some(request) = request.filter(|request| request.state == State::Waiting) else { return Ok(Outcome::Done) };
        // Nobody has signed in, but a script of theirs goes on with the account.
        if request.cause == Cause::Inactivity
            && personal_tokens::used_since(&mut tx, self.user, request.created_at).await?
        {
            data_requests::end(&mut tx, self.request, State::Withdrawn, self.now).await?;
            return Ok(Outcome::DoneIn(tx));
        }
        data_requests::begin(&mut tx, self.request).await?;
        self.receipt.count("sessions", refresh_tokens::revoke_all(&mut tx, self.user, self.now).await?);
        self.receipt.count("access tokens", personal_tokens::revoke_all(&mut tx, self.user, self.now).await?);
        email_tokens::spend_all(&mut tx, self.user, self.now).await?;
        erasure::close_account(&mut tx, self.user, self.now).await?;
        self.receipt.finish(Step::Access, self.now);
        data_requests::keep_receipt(&mut tx, self.request, &self.receipt).await?;
        let details = json!({ "request": self.request });
        let entry = Entry::by_system("user.erasure_begun", "user", Some(self.user.0), details, self.now);
        audit_log::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(on())
    }

    async fn nanos(mut self) -> Result<Outcome, JobError> {
        while let Some(nano) = erasure::next_nano(&self.context.db, self.user).await? {
            if self.run.cancelled().is_cancelled() {
                return Ok(on());
            }
            self.nano(nano).await?;
        }
        let tx = self.begin().await?;
        self.finish(tx, Step::Nanos).await
    }

    /// First nobody finds it any more, then its files go, then its words: interrupted in between it is found again.
    async fn nano(&mut self, id: NanoId) -> Result<(), JobError> {
        let (context, now) = (self.context, self.now);
        let mut tx = self.begin().await?;
        let Some(nano) = nanos::lock(&mut tx, id).await? else { return Ok(()) };
        if nano.status != Status::Deleted {
            nanos::set_status(&mut tx, id, Status::Deleted, now).await?;
        }
        let version = nanos::next_index_version(&mut tx, id).await?;
        tx.commit().await?;
        context.search.delete(id, version).await?;
        context.cache.is_indexed(id).await;

        let mut prefixes = BTreeSet::from([format!("nanos/{id}/"), format!("{}{id}/", Key::THUMBNAILS)]);
        prefixes.extend(erasure::upload_keys(&context.db, id).await?);
        for prefix in &prefixes {
            self.receipt.count("stored objects", context.storage.erase(prefix).await?);
        }

        let mut tx = self.begin().await?;
        retention::set_files_purged(&mut tx, id, now).await?;
        retention::anonymise_nano(&mut tx, id, now).await?;
        self.receipt.count("traces of jobs", traces::forget(&mut tx, "nano", id.0).await?);
        self.receipt.count("nanos", 1);
        self.keep(tx).await
    }

    async fn exports(mut self) -> Result<Outcome, JobError> {
        for other in data_requests::others_of(&self.context.db, self.user, self.request).await? {
            let erased = self.context.storage.erase(Key::export(other).as_str()).await?;
            let mut tx = self.begin().await?;
            data_requests::remove(&mut tx, other).await?;
            self.receipt.count("stored objects", erased);
            self.receipt.count("earlier requests", 1);
            self.keep(tx).await?;
        }
        let tx = self.begin().await?;
        self.finish(tx, Step::Exports).await
    }

    async fn mails(mut self) -> Result<Outcome, JobError> {
        let Some(user) = users::get(&self.context.db, self.user).await? else { return Ok(Outcome::Done) };
        loop {
            let mut tx = self.begin().await?;
            let found = erasure::forget_mails(&mut tx, self.user, &user.email).await?;
            self.receipt.count("mails", found);
            self.keep(tx).await?;
            if found == 0 {
                break;
            }
        }
        let mut tx = self.begin().await?;
        self.receipt.count("mails to others", erasure::forget_in_mails_of_others(&mut tx, self.user).await?);
        if erasure::waits_in_mails_of_others(&mut tx, self.user).await? {
            self.keep(tx).await?;
            return Ok(Outcome::Snooze(MAIL_PAUSE));
        }
        self.finish(tx, Step::Mails).await
    }

    async fn jobs(mut self) -> Result<Outcome, JobError> {
        let mut tx = self.begin().await?;
        self.receipt.count("traces of jobs", traces::forget(&mut tx, "user", self.user.0).await?);
        self.finish(tx, Step::Jobs).await
    }

    /// Answers to keyed requests are kept under digests, so nobody can tell whose they are: a day after the last sign-in they are
    /// gone, and so is whatever Redis keeps.
    async fn answers(self) -> Result<Outcome, JobError> {
        let begun = self.receipt.at(Step::Access).unwrap_or(self.now);
        if let Ok(left) = (begun + idempotency_keys::LIFETIME - self.now).to_std()
            && !left.is_zero()
        {
            return Ok(Outcome::Snooze(left));
        }
        while retention::prune_idempotency_keys(&self.context.db, self.now - idempotency_keys::LIFETIME).await? > 0 {}
        let tx = self.begin().await?;
        self.finish(tx, Step::Answers).await
    }

    async fn account(mut self) -> Result<Outcome, JobError> {
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, self.user).await?;
        // Whoever wrote down something about the person since the step for it.
        let Some(user) = users::get_in(&mut tx, self.user).await? else { return Ok(Outcome::Done) };
        self.receipt.count("mails", erasure::forget_mails(&mut tx, self.user, &user.email).await?);
        self.receipt.count("other rows", erasure::forget_judgements(&mut tx, self.user).await?);
        retention::anonymise_account(&mut tx, self.user, self.now).await?;
        self.receipt.count("other rows", erasure::forget_rest(&mut tx, self.user).await?);
        self.receipt.count("accounts", 1);
        self.receipt.finish(Step::Account, self.now);
        data_requests::finish_erasure(&mut tx, self.request, &self.receipt, self.now).await?;
        let details = json!({ "request": self.request, "erased": self.receipt.erased });
        let entry = Entry::by_system("user.erased", "user", Some(self.user.0), details, self.now);
        audit_log::append(&mut tx, &entry).await?;
        metrics::counter!("people_erased_total").increment(1);
        self.run.log(Level::Info, "a person is erased", &[("request", json!(self.request))]);
        Ok(Outcome::DoneIn(tx))
    }
}
