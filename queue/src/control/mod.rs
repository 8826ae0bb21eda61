//! Control: retry, cancel, discard, pause, limit, drain, bulk. The admin API and the command line both come through here, so
//! a change is checked, made and written down in the same way whoever asks for it.
//!
//! Each function makes one change in the caller's transaction and answers what the audit log is to say about it. The
//! caller appends that as its last statement and commits.

pub mod act;
pub mod explain;
mod limits;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Json, Tx, clock::now_in};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    EnqueueError, Kinds,
    builtin::BulkAction,
    context::NoContext,
    enqueue,
    ids::{JobId, WorkerId},
    ledger::{
        self, Action, By, Change, Operated, Place, State, Wanted,
        bulk_actions::{self, BulkAction as BulkRow},
        controls::pauses::{self, Pause, Scope},
        flows,
        list::{self, Filter, Total},
        schedules,
        workers::{self, WorkerState},
    },
    schedule::{RunNowError, run_schedule_now},
};

pub use limits::{BadLimit, LIMIT_MAX, NewLimit, RATE_SECONDS_MAX, remove_limit, set_limit};

/// Most jobs of a flow that one call acts on: more would hold their locks for too long. The bulk actions take any number.
pub const FLOW_LIMIT: usize = 1_000;
/// Days within which a job may be told to run.
pub const RUN_AT_DAYS: i64 = 3_653;
/// Jobs of a flow that the audit row names; it has the number of all.
const NAMED: usize = 100;
/// Longest reason, in characters.
pub const REASON_LIMIT: usize = 500;
/// The longest a pause lasts when it is given an end, in seconds: 30 days.
pub const PAUSE_LIMIT: u64 = 30 * 24 * 60 * 60;

/// What the audit log says about a change. `details` has `reason`, `before` and `after`.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    pub action: &'static str,
    pub target_type: &'static str,
    pub target_id: Option<Uuid>,
    pub details: Value,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such job, limit, worker or schedule.
    #[error("there is no such thing")]
    Missing,
    /// The job's state does not allow it.
    #[error("the job is {0}, which does not allow this")]
    State(State),
    /// The job would run beside another one of the same unique key.
    #[error("job {0} is live under the same unique key")]
    KeyTaken(JobId),
    /// The flow has more jobs than one call acts on.
    #[error("the flow has more than {FLOW_LIMIT} jobs, and one call acts on no more: use a bulk action")]
    FlowTooLarge,
    /// Nothing is paused under this name.
    #[error("it is not paused")]
    NotPaused,
    /// The worker has ended, or was asked to drain already.
    #[error("the worker is {0}")]
    Worker(WorkerState),
    /// The schedule's job is of a newer release.
    #[error("this build does not know the job of the schedule: use the newest release's programs")]
    UnknownJob,
    #[error(transparent)]
    Db(#[from] DbError),
    /// A job could not be enqueued; the text is for the log.
    #[error("{0}")]
    Enqueue(String),
}

impl db::Race for Refused {
    fn is_race(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_race())
    }
}

impl From<EnqueueError> for Refused {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Db(error) => Self::Db(error),
            other => Self::Enqueue(other.to_string()),
        }
    }
}

impl From<RunNowError> for Refused {
    fn from(error: RunNowError) -> Self {
        match error {
            RunNowError::Unknown(_) => Self::Missing,
            RunNowError::UnknownJob { .. } => Self::UnknownJob,
            RunNowError::Enqueue(error) => error.into(),
        }
    }
}

/// What became of a job, or of a flow's jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobChange {
    /// Of the job that was named.
    pub before: State,
    pub after: State,
    /// Jobs in another state than before.
    pub changed: u32,
    /// Running jobs that were asked to stop.
    pub asked: u32,
    /// Jobs of the flow whose state did not fit.
    pub skipped: u32,
    pub act: Act,
}

/// The jobs that a call is about: this one, or with `flow` also everything it waits for, those first. Read it before the
/// transaction.
pub async fn targets(db: &Db, id: JobId, flow: bool) -> Result<Vec<JobId>, Refused> {
    if !flow {
        return Ok(vec![id]);
    }
    // Children before their parents: the order in which completions take their locks.
    let subtree = flows::subtree(db, id, FLOW_LIMIT).await?;
    if subtree.len() > FLOW_LIMIT {
        return Err(Refused::FlowTooLarge);
    }
    Ok(subtree)
}

/// Acts on `id` and on the rest of `targets`. Of a flow, what failed or was cancelled is retried, and what has not ended is
/// cancelled; the others are skipped.
pub async fn job(
    tx: &mut Tx,
    kinds: &Kinds,
    id: JobId,
    targets: &[JobId],
    action: Action,
    by: &By<'_>,
) -> Result<JobChange, Refused> {
    let (mut changed, mut asked, mut skipped, mut named, mut own) = (0, 0, 0, Vec::new(), None);
    let mut stopped = None;
    for target in targets {
        let Some(change) = act::operate(tx, kinds, *target, action, by).await? else { continue };
        match change.result {
            Operated::Done => changed += 1,
            Operated::Asked => asked += 1,
            Operated::Refused | Operated::KeyTaken(_) => skipped += 1,
        }
        if change.result.took_effect() && targets.len() > 1 && named.len() < NAMED {
            named.push(json!({
                "id": target, "kind": change.kind, "before": change.before, "after": after(&change),
            }));
        }
        if *target == id {
            own = Some((change.before, change.after, after(&change)));
            stopped = match change.result {
                Operated::Refused => Some(Refused::State(change.before)),
                Operated::KeyTaken(live) => Some(Refused::KeyTaken(live)),
                Operated::Done | Operated::Asked => None,
            };
        }
    }
    let (before, after, shown) = own.ok_or(Refused::Missing)?;
    if let Some(refused) = stopped
        && changed + asked == 0
    {
        return Err(refused);
    }
    let mut details = json!({
        "reason": by.reason, "before": { "state": before }, "after": { "state": shown },
    });
    if targets.len() > 1 {
        details["flow"] = json!({ "changed": changed, "asked": asked, "skipped": skipped, "jobs": named });
    }
    let action = match action {
        Action::Retry => "job.retry",
        Action::Cancel => "job.cancel",
        Action::Discard => "job.discard",
        Action::Rerun => "job.rerun",
    };
    let act = Act { action, target_type: "job", target_id: Some(id.0), details };
    Ok(JobChange { before, after, changed, asked, skipped, act })
}

/// Where a job stood in line, and where it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceChange {
    pub before: Place,
    pub after: Place,
    pub act: Act,
}

/// Changes when a job that waits may run, how urgent it is, or which queue has it.
pub async fn change(tx: &mut Tx, id: JobId, wanted: &Wanted, by: &By<'_>) -> Result<PlaceChange, Refused> {
    let changed = ledger::change(tx, id, wanted, by).await?.ok_or(Refused::Missing)?;
    let before = changed.before;
    let Some(after) = changed.after else { return Err(Refused::State(before.state)) };
    let details = json!({ "reason": by.reason, "kind": changed.kind, "before": before, "after": after });
    let act = Act { action: "job.change", target_type: "job", target_id: Some(id.0), details };
    Ok(PlaceChange { before, after, act })
}

/// What is asked of a bulk action.
#[derive(Clone, Debug)]
pub struct NewBulk {
    pub action: Action,
    /// Narrowed by [`bulk_states`](crate::builtin::bulk_states) where it names no state.
    pub filter: Filter,
    /// Jobs a second at most.
    pub per_second: Option<u32>,
    /// How many matched when it was counted.
    pub matched: Total,
}

/// Begins a bulk action: a job of its own does it, step by step, and leaves jobs alone that come later.
pub async fn bulk(tx: &mut Tx, new: &NewBulk, by: &By<'_>) -> Result<(BulkRow, Act), Refused> {
    let id = Uuid::now_v7();
    let until = JobId::new();
    let job = enqueue::<_, NoContext>(tx, &BulkAction { bulk_id: id, actor_id: by.actor }).await?;
    // One more than the cap means that there are more.
    let matched = if new.matched.capped { list::COUNT_CAP + 1 } else { new.matched.count };
    let row = BulkRow {
        id,
        action: new.action,
        filter: Json(new.filter.clone()),
        reason: by.reason.to_owned(),
        actor: by.actor,
        per_second: new.per_second,
        matched,
        until,
        cursor: None,
        changed: 0,
        skipped: 0,
        job,
        created_at: now_in(tx).await?,
        finished_at: None,
    };
    bulk_actions::insert(tx, &row).await?;
    // The ids of named jobs are in the bulk action itself.
    let named = new.filter.ids.len();
    let filter = Filter { ids: Vec::new(), ..new.filter.clone() };
    let details = json!({
        "action": row.action, "filter": filter, "named": (named > 0).then_some(named), "reason": row.reason,
        "matched": row.matched, "per_second": row.per_second, "job_id": job,
        "before": { "matched": row.matched }, "after": { "job_id": job },
    });
    Ok((row, Act { action: "jobs.bulk", target_type: "bulk_action", target_id: Some(id), details }))
}

/// The state, or that a running job was asked to stop.
fn after(change: &Change) -> &'static str {
    if change.result == Operated::Asked { "asked to stop" } else { change.after.as_str() }
}

/// Pauses a queue, a kind or everything, or gives its pause another reason and end. Returns when it ends by itself.
pub async fn pause(
    tx: &mut Tx,
    scope: Scope,
    name: &str,
    by: &By<'_>,
    seconds: Option<u64>,
) -> Result<(Option<DateTime<Utc>>, Act), Refused> {
    let expires_at = end_of_pause(tx, seconds).await?;
    let before = pauses::current(tx, scope, name).await?;
    pauses::pause(tx, scope, name, by.reason, by.actor, expires_at).await?;
    let details = json!({
        "name": name, "reason": by.reason, "before": pause_state(before.as_ref()),
        "after": { "paused": true, "expires_at": expires_at },
    });
    let action = match scope {
        Scope::Queue => "queue.pause",
        Scope::Kind => "kind.pause",
        Scope::All => "queues.pause_all",
    };
    Ok((expires_at, Act { action, target_type: scope.as_str(), target_id: None, details }))
}

/// Ends a pause.
pub async fn resume(tx: &mut Tx, scope: Scope, name: &str, by: &By<'_>) -> Result<Act, Refused> {
    let before = pauses::current(tx, scope, name).await?.ok_or(Refused::NotPaused)?;
    pauses::resume(tx, scope, name).await?;
    let details = json!({
        "name": name, "reason": by.reason, "before": pause_state(Some(&before)), "after": pause_state(None),
    });
    let action = match scope {
        Scope::Queue => "queue.resume",
        Scope::Kind => "kind.resume",
        Scope::All => "queues.resume_all",
    };
    Ok(Act { action, target_type: scope.as_str(), target_id: None, details })
}

fn pause_state(pause: Option<&Pause>) -> Value {
    match pause {
        Some(pause) => json!({
            "paused": true, "reason": pause.reason, "paused_at": pause.paused_at, "expires_at": pause.expires_at,
        }),
        None => json!({ "paused": false }),
    }
}

/// Asks a worker to take no more jobs, finish what it runs, and end.
pub async fn drain(tx: &mut Tx, id: WorkerId, by: &By<'_>) -> Result<Act, Refused> {
    let before = workers::state(tx, id).await?.ok_or(Refused::Missing)?;
    if before != WorkerState::Alive || !workers::request_drain(tx, id, by.reason).await? {
        return Err(Refused::Worker(before));
    }
    let details = json!({
        "reason": by.reason, "before": { "state": before }, "after": { "state": "asked to drain" },
    });
    Ok(Act { action: "worker.drain", target_type: "worker", target_id: Some(id.0), details })
}

/// Runs a schedule's job now, beside its times.
pub async fn run_schedule(tx: &mut Tx, kinds: &Kinds, name: &str, by: &By<'_>) -> Result<(JobId, Act), Refused> {
    let job = run_schedule_now(tx, kinds, name, by.actor, by.reason).await?;
    let details = json!({
        "name": name, "reason": by.reason, "before": Value::Null, "after": { "job_id": job },
    });
    Ok((job, Act { action: "schedule.run", target_type: "schedule", target_id: None, details }))
}

/// Pauses a schedule, or gives its pause another reason and end. Returns when it ends by itself.
pub async fn pause_schedule(
    tx: &mut Tx,
    name: &str,
    by: &By<'_>,
    seconds: Option<u64>,
) -> Result<(Option<DateTime<Utc>>, Act), Refused> {
    let before = schedules::lock(tx, name).await?.ok_or(Refused::Missing)?.pause;
    let expires_at = end_of_pause(tx, seconds).await?;
    schedules::pause(tx, name, by.reason, by.actor, expires_at).await?;
    let details = json!({
        "name": name, "reason": by.reason, "before": schedule_state(before.as_ref()),
        "after": { "paused": true, "expires_at": expires_at },
    });
    let act = Act { action: "schedule.pause", target_type: "schedule", target_id: None, details };
    Ok((expires_at, act))
}

/// Ends a schedule's pause.
pub async fn resume_schedule(tx: &mut Tx, name: &str, by: &By<'_>) -> Result<Act, Refused> {
    let before = schedules::lock(tx, name).await?.ok_or(Refused::Missing)?.pause.ok_or(Refused::NotPaused)?;
    schedules::resume(tx, name).await?;
    let details = json!({
        "name": name, "reason": by.reason, "before": schedule_state(Some(&before)), "after": schedule_state(None),
    });
    Ok(Act { action: "schedule.resume", target_type: "schedule", target_id: None, details })
}

fn schedule_state(pause: Option<&schedules::Pause>) -> Value {
    match pause {
        Some(pause) => json!({
            "paused": true, "reason": pause.reason, "paused_at": pause.paused_at, "expires_at": pause.expires_at,
        }),
        None => json!({ "paused": false }),
    }
}

/// By the database's clock, which is the one that ends it.
async fn end_of_pause(tx: &mut Tx, seconds: Option<u64>) -> Result<Option<DateTime<Utc>>, DbError> {
    let Some(seconds) = seconds else { return Ok(None) };
    let seconds = i64::try_from(seconds.min(PAUSE_LIMIT)).unwrap_or(i64::MAX);
    Ok(Some(now_in(tx).await? + TimeDelta::seconds(seconds)))
}
