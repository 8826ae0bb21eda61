//! Retries, reruns, cancels or discards every job of a filter, in small steps.
//!
//! Each step is one transaction: it acts on at most [`STEP`] jobs, counts them and moves the cursor. A run that dies
//! leaves the cursor where its last commit put it, so that the next run acts on each job once.

use std::time::{Duration, Instant};

use db::{DbError, Race, Races, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    EnqueueError, GivenUp, Job, JobError, Level, Outcome, Priority, Queue, QueueContext, RetryPolicy, Run,
    control::{Act, act::operate},
    ids::JobId,
    ledger::{
        Action, By, State,
        bulk_actions::{self, BulkAction as Row},
        list,
    },
};

#[derive(Debug, Serialize, Deserialize)]
pub struct BulkAction {
    pub bulk_id: Uuid,
    /// Who asked for it.
    pub actor_id: Option<Uuid>,
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

impl BulkAction {
    pub const KIND: &'static str = "bulk_action";
}

impl<C: QueueContext> Job<C> for BulkAction {
    const KIND: &'static str = Self::KIND;
    /// Since version 2 a filter may name its jobs; a build of before cannot read such a filter, and leaves the job alone.
    const VERSION: u16 = 2;
    const QUEUE: Queue = super::BULK;
    const PRIORITY: Priority = Priority::High;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 20, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(30 * 60);
    const GIVEN_UP: Option<GivenUp<Self, C>> =
        Some(|bulk, context, tx, reason| Box::pin(bulk.stopped(context, tx, reason)));

    fn upgrade(version: u16, args: Value) -> Option<Value> {
        (version == 1).then_some(args)
    }

    fn tenant(&self) -> Option<Uuid> {
        self.actor_id
    }

    async fn run(&self, context: &C, run: &Run) -> Result<Outcome, JobError> {
        let Some(bulk) = bulk_actions::get(context.db(), self.bulk_id).await? else { return Ok(Outcome::Done) };
        if bulk.finished_at.is_some() {
            return Ok(Outcome::Done);
        }
        let began = Instant::now();
        let (mut after, mut changed, mut skipped) =
            (bulk.cursor.unwrap_or(JobId(Uuid::nil())), bulk.changed, bulk.skipped);
        loop {
            let started = Instant::now();
            let limit = bulk.per_second.map_or(STEP, |rate| rate.clamp(1, STEP));
            let step = list::step(context.db(), &bulk.filter, after, bulk.until, limit).await?;
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
        let mut tx = run.transaction(context).await?;
        bulk_actions::finish(&mut tx, bulk.id, context.clock().now()).await?;
        let details = json!({"action": bulk.action, "changed": changed, "skipped": skipped, "job_id": bulk.job});
        let action = "jobs.bulk_finished";
        let act = Act { action, target_type: "bulk_action", target_id: Some(bulk.id), details };
        context.audit(&mut tx, act).await?;
        Ok(Outcome::DoneIn(tx))
    }
}

impl BulkAction {
    /// What it changed stays changed, and the audit log says how much that is. A retry goes on at the cursor.
    async fn stopped<C: QueueContext>(&self, context: &C, tx: &mut Tx, reason: &str) -> Result<(), DbError> {
        let now = context.clock().now();
        let Some(stopped) = bulk_actions::stop(tx, self.bulk_id, now).await? else { return Ok(()) };
        let details = json!({
            "action": stopped.action, "changed": stopped.changed, "skipped": stopped.skipped, "reason": reason,
        });
        let action = "jobs.bulk_stopped";
        let act = Act { action, target_type: "bulk_action", target_id: Some(self.bulk_id), details };
        context.audit(tx, act).await
    }
}

#[derive(Default)]
struct Done {
    changed: u64,
    skipped: u64,
}

/// Acts on the jobs and moves the cursor, all or nothing; again when the transaction lost a lock race.
async fn act<C: QueueContext>(
    context: &C,
    run: &Run,
    bulk: &Row,
    ids: &[JobId],
    next: Option<JobId>,
) -> Result<Done, JobError> {
    let Some(cursor) = next.or(ids.last().copied()) else { return Ok(Done::default()) };
    let mut races = Races::default();
    loop {
        let acted = async {
            let mut tx = run.transaction(context).await?;
            let by = By { actor: bulk.actor, reason: &bulk.reason };
            let mut done = Done::default();
            for id in ids {
                match operate(&mut tx, run.registry::<C>()?.kinds(), *id, bulk.action, &by).await? {
                    Some(change) if change.result.took_effect() => done.changed += 1,
                    _ => done.skipped += 1,
                }
            }
            bulk_actions::advance(&mut tx, bulk.id, cursor, done.changed, done.skipped).await?;
            tx.commit().await?;
            Ok(done)
        };
        match acted.await {
            Ok(done) => return Ok(done),
            Err(stopped) => match races.pause_or_give_up(stopped).await {
                Ok(()) => {}
                Err(Stopped::Db(error)) => return Err(error.into()),
                Err(Stopped::Job(error)) => return Err(error),
            },
        }
    }
}

/// Why a step was not taken.
enum Stopped {
    Db(DbError),
    Job(JobError),
}

impl Race for Stopped {
    fn is_race(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_race())
    }
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
        assert_eq!(states(Action::Rerun), [State::Completed]);
    }
}
