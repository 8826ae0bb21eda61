//! Retries, cancels or discards every job of a filter, in small steps.
//!
//! Each step is one transaction: it acts on at most [`STEP`] jobs, counts them and moves the cursor. A run that dies
//! leaves the cursor where its last commit put it, so that the next run acts on each job once.

use std::time::{Duration, Instant};

use domain::{
    audit::Entry,
    ids::{JobId, UserId},
};
use infra::db::{
    DbError, Tx, audit_log,
    bulk_actions::{self, BulkAction as Row},
    jobs::{Action, By, Operated, State, list},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, EnqueueError, Job, JobError, Level, Outcome, Priority, Queue, RetryPolicy, Run, steer::operate};

#[derive(Debug, Serialize, Deserialize)]
pub struct BulkAction {
    pub bulk_id: Uuid,
    /// Who asked for it.
    pub actor_id: Option<UserId>,
}

/// Jobs acted upon in one transaction.
const STEP: u32 = 100;
/// The shortest rest between two steps, so that others get at the ledger.
const PAUSE: Duration = Duration::from_millis(5);
/// A run that has worked for so long makes room for others of its queue and goes on in its next run.
const TURN: Duration = Duration::from_secs(10 * 60);

/// The states that a bulk action touches when its filter names none: what the action fits, except what was put there
/// on purpose (a retry leaves jobs alone that somebody cancelled, or that are not due yet).
pub fn states(action: Action) -> Vec<State> {
    let on_purpose = |state: State| action == Action::Retry && matches!(state, State::Cancelled | State::Scheduled);
    State::ALL.iter().copied().filter(|state| action.fits(*state) && !on_purpose(*state)).collect()
}

impl Job for BulkAction {
    const KIND: &'static str = "bulk_action";
    const QUEUE: Queue = Queue::Maintenance;
    const PRIORITY: Priority = Priority::High;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 20, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(30 * 60);

    fn tenant(&self) -> Option<UserId> {
        self.actor_id
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(bulk) = bulk_actions::get(&context.db, self.bulk_id).await? else { return Ok(Outcome::Done) };
        if bulk.finished_at.is_some() {
            return Ok(Outcome::Done);
        }
        let began = Instant::now();
        let (mut after, mut changed, mut skipped) =
            (bulk.cursor.unwrap_or(JobId(Uuid::nil())), bulk.changed, bulk.skipped);
        loop {
            let started = Instant::now();
            let limit = bulk.per_second.map_or(STEP, |rate| rate.clamp(1, STEP));
            let step = list::step(&context.db, &bulk.filter, after, bulk.until, limit).await?;
            // Its own job may match; acting on itself would wait for its own row.
            let ids: Vec<JobId> = step.ids.iter().copied().filter(|id| *id != run.job()).collect();
            let done = act(context, run, &bulk, &ids, step.next).await?;
            (changed, skipped) = (changed + done.changed, skipped + done.skipped);
            run.progress(
                changed + skipped,
                Some(bulk.matched).filter(|matched| *matched <= list::COUNT_CAP),
                bulk.action.as_str(),
            );
            let Some(next) = step.next else { break };
            after = next;
            if began.elapsed() > TURN {
                return Ok(Outcome::Snooze(Duration::ZERO));
            }
            let acted = u32::try_from(step.ids.len()).unwrap_or(STEP);
            let pace = bulk.per_second.map_or(Duration::ZERO, |rate| Duration::from_secs(1) * acted / rate.max(1));
            tokio::time::sleep(pace.saturating_sub(started.elapsed()).max(PAUSE)).await;
        }
        let fields = [("changed", changed.into()), ("skipped", skipped.into())];
        run.log(Level::Info, "the bulk action is done", &fields);
        let now = context.clock.now();
        let mut tx = run.transaction(context).await?;
        bulk_actions::finish(&mut tx, bulk.id, now).await?;
        let details = json!({"action": bulk.action, "changed": changed, "skipped": skipped, "job_id": bulk.job});
        let entry = Entry::by_system("jobs.bulk_finished", "bulk_action", Some(bulk.id), details, now);
        audit_log::append(&mut tx, &entry).await?;
        Ok(Outcome::DoneIn(tx))
    }

    /// What it changed stays changed, and the audit log says how much that is. A retry goes on at the cursor.
    async fn discarded(&self, context: &Context, tx: &mut Tx, reason: &str) -> Result<(), DbError> {
        let now = context.clock.now();
        let Some(stopped) = bulk_actions::stop(tx, self.bulk_id, now).await? else { return Ok(()) };
        let details = json!({
            "action": stopped.action, "changed": stopped.changed, "skipped": stopped.skipped, "reason": reason,
        });
        let entry = Entry::by_system("jobs.bulk_stopped", "bulk_action", Some(self.bulk_id), details, now);
        audit_log::append(tx, &entry).await.map(|_| ())
    }
}

#[derive(Default)]
struct Done {
    changed: u64,
    skipped: u64,
}

/// Acts on the jobs and moves the cursor, all or nothing; again when the transaction lost a lock race.
async fn act(context: &Context, run: &Run, bulk: &Row, ids: &[JobId], next: Option<JobId>) -> Result<Done, JobError> {
    let Some(cursor) = next.or(ids.last().copied()) else { return Ok(Done::default()) };
    let mut races = 0;
    loop {
        let acted = async {
            let mut tx = run.transaction(context).await?;
            let by = By { actor: bulk.actor.map(|actor| actor.0), reason: &bulk.reason };
            let mut done = Done::default();
            for id in ids {
                match operate(&mut tx, *id, bulk.action, &by).await? {
                    Some(change) if change.result != Operated::Refused => done.changed += 1,
                    _ => done.skipped += 1,
                }
            }
            bulk_actions::advance(&mut tx, bulk.id, cursor, done.changed, done.skipped).await?;
            tx.commit().await?;
            Ok(done)
        };
        match acted.await {
            Err(Stopped::Db(DbError::Deadlock(_))) if races < 3 => races += 1,
            Err(Stopped::Db(error)) => return Err(error.into()),
            Err(Stopped::Job(error)) => return Err(error),
            Ok(done) => return Ok(done),
        }
    }
}

/// Why a step was not taken.
enum Stopped {
    Db(DbError),
    Job(JobError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<JobError> for Stopped {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl From<EnqueueError> for Stopped {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Db(error) => Self::Db(error),
            other => Self::Job(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_touches_only_what_it_fits() {
        assert_eq!(states(Action::Retry), [State::Retryable, State::Discarded, State::Quarantined]);
        assert!(!states(Action::Cancel).iter().any(|state| state.is_terminal()));
        assert!(!states(Action::Discard).contains(&State::Completed));
    }
}
