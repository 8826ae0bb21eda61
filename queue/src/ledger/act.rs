//! The actions of people on a job: retry, cancel, discard, rerun. The caller writes the audit row and commits.

use db::{Db, DbError, Hash, Json, Tx};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{State, history::checkpoints, stats::failures},
    ready::{Available, Ticket},
};

words::words! {
    pub enum Action ("action on a job") {
        /// Run again with a clean slate of failures; a scheduled job runs now.
        Retry = "retry",
        /// Do not run. A running job is asked to stop.
        Cancel = "cancel",
        /// Give up: like a job whose last attempt has failed.
        Discard = "discard",
        /// Run a completed job once more, with a clean slate of failures.
        Rerun = "rerun",
    }
}

impl Action {
    /// Whether a job in this state can be acted upon.
    pub const fn fits(self, state: State) -> bool {
        use State as S;
        match self {
            Self::Retry => {
                matches!(state, S::Discarded | S::Cancelled | S::Quarantined | S::Retryable | S::Scheduled)
            }
            Self::Cancel => !state.is_terminal(),
            Self::Discard => !matches!(state, S::Running | S::Completed | S::Discarded),
            Self::Rerun => matches!(state, S::Completed),
        }
    }
}

/// Who acts, and why.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Nobody: the system.
    pub actor: Option<Uuid>,
    /// At most 500 characters.
    pub reason: &'a str,
}

impl<'a> By<'a> {
    pub const fn system(reason: &'a str) -> Self {
        Self { actor: None, reason }
    }

    fn kept_reason(&self) -> String {
        self.reason.chars().take(500).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operated {
    Done,
    /// The job runs: it was told to stop, and ends as cancelled unless it completes first.
    Asked,
    /// The job's state does not allow it; nothing changed.
    Refused,
    /// Another job is live under its unique key; nothing changed.
    KeyTaken(JobId),
}

impl Operated {
    /// Whether anything came of it.
    pub const fn took_effect(self) -> bool {
        matches!(self, Self::Done | Self::Asked)
    }
}

/// What was done to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: String,
    pub before: State,
    pub after: State,
    pub result: Operated,
}

struct Subject {
    kind: String,
    queue: String,
    priority: u8,
    tenant: Uuid,
    /// What its limits count by.
    counted_by: Uuid,
    state: State,
    runs: u32,
    unique_hash: Option<Hash>,
}

/// Acts on one job, whose row stays locked until the transaction ends. `None` when there is no such job.
pub async fn operate(tx: &mut Tx, id: JobId, action: Action, by: &By<'_>) -> Result<Option<Change>, DbError> {
    // The flow's lock comes before its parent's everywhere: were it only read, the last child could complete without
    // seeing the parent wait again, and nobody would release it.
    let pending: Option<u32> = match action {
        Action::Retry | Action::Rerun => {
            sqlx::query_scalar!("SELECT pending FROM flows WHERE parent_id = ? FOR UPDATE", id)
                .fetch_optional(&mut **tx)
                .await?
        }
        _ => None,
    };
    let subject = sqlx::query_as!(
        Subject,
        r#"SELECT kind, queue, priority, tenant AS "tenant: Uuid", COALESCE(limit_key, tenant) AS "counted_by!: Uuid",
                  state AS "state: State", runs,
                  unique_hash AS "unique_hash: Hash" FROM jobs WHERE id = ? FOR UPDATE"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(subject) = subject else { return Ok(None) };
    let before = subject.state;
    if before != State::Running {
        sqlx::query!("DELETE FROM job_cancels WHERE job_id = ?", id).execute(&mut **tx).await?;
    }
    let (after, result) = if !action.fits(before) {
        (before, Operated::Refused)
    } else if before == State::Running {
        ask_to_stop(tx, id, subject.runs, by).await?;
        (before, Operated::Asked)
    } else if matches!(action, Action::Retry | Action::Rerun)
        && let Some(live) = key_taken(tx, id, &subject).await?
    {
        (before, Operated::KeyTaken(live))
    } else {
        leave_limits(tx, id, &subject.kind, subject.priority, subject.counted_by, true).await?;
        let after = match action {
            Action::Retry | Action::Rerun => {
                if action == Action::Rerun {
                    // It has done all of its work once, and does all of it again.
                    checkpoints::forget(tx, id).await?;
                }
                retry(tx, id, &subject, pending.is_some_and(|pending| pending > 0)).await?
            }
            Action::Cancel => end(tx, id, State::Cancelled).await?,
            Action::Discard => end(tx, id, State::Discarded).await?,
        };
        (after, Operated::Done)
    };
    if result.took_effect() {
        keep(tx, id, action.as_str(), by, (before, after), None).await?;
    }
    Ok(Some(Change { kind: subject.kind, before, after, result }))
}

/// A line for the job's timeline: the deed, the states before and after, and what else is to be known.
pub(super) async fn keep(
    tx: &mut Tx,
    id: JobId,
    deed: &str,
    by: &By<'_>,
    (before, after): (State, State),
    details: Option<Value>,
) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO job_actions (id, job_id, action, actor_id, reason, before_state, after_state, created_at, details)
         VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), ?)",
        Uuid::now_v7(),
        id,
        deed,
        by.actor,
        by.kept_reason(),
        before,
        after,
        details.map(Json)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Asks this very run to stop: a run that somebody asks for later is not meant.
async fn ask_to_stop(tx: &mut Tx, id: JobId, run: u32, by: &By<'_>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO job_cancels (job_id, run, reason, actor_id, created_at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))
         ON DUPLICATE KEY UPDATE run = VALUES(run)",
        id,
        run,
        by.kept_reason(),
        by.actor
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A place among the blocked is given up with the state, and with `start_too` also a start that a rate has put off.
pub(super) async fn leave_limits(
    tx: &mut Tx,
    id: JobId,
    kind: &str,
    priority: u8,
    counted_by: Uuid,
    start_too: bool,
) -> Result<(), DbError> {
    sqlx::query!(
        "DELETE FROM blocked_jobs WHERE kind = ? AND priority = ? AND tenant = ? AND job_id = ?",
        kind,
        priority,
        counted_by,
        id
    )
    .execute(&mut **tx)
    .await?;
    if start_too {
        sqlx::query!("DELETE FROM rate_slots WHERE job_id = ?", id).execute(&mut **tx).await?;
    }
    Ok(())
}

/// The job that is live under the key of one that has ended.
async fn key_taken(tx: &mut Tx, id: JobId, subject: &Subject) -> Result<Option<JobId>, DbError> {
    let Some(hash) = subject.unique_hash.as_ref().filter(|_| subject.state.is_terminal()) else { return Ok(None) };
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: JobId" FROM jobs WHERE unique_live = ? AND id <> ? FOR UPDATE"#,
        hash,
        id
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Under its unique key, if it has one. A flow's parent whose children have not all completed waits for them again.
async fn retry(tx: &mut Tx, id: JobId, subject: &Subject, pending: bool) -> Result<State, DbError> {
    let after = if pending { State::Waiting } else { State::Available };
    sqlx::query!(
        "UPDATE jobs SET state = ?, failures = 0, lost = 0, crashes = 0, run_at = UTC_TIMESTAMP(6), finished_at = NULL,
                unique_live = unique_hash, deadline_at = NULL
         WHERE id = ?",
        after,
        id
    )
    .execute(&mut **tx)
    .await?;
    // Not given up any more; how it ends this time will be seen.
    sqlx::query!("UPDATE job_failures SET given_up = FALSE WHERE job_id = ?", id).execute(&mut **tx).await?;
    if after == State::Available {
        let ticket = Ticket { job: id, priority: subject.priority, rank: 0 };
        tx.notify(Available { queue: subject.queue.clone(), ticket, tenant: subject.tenant });
    }
    Ok(after)
}

async fn end(tx: &mut Tx, id: JobId, after: State) -> Result<State, DbError> {
    sqlx::query!(
        "UPDATE jobs SET state = ?, finished_at = UTC_TIMESTAMP(6), unique_live = NULL, again = FALSE WHERE id = ?",
        after,
        id
    )
    .execute(&mut **tx)
    .await?;
    if after == State::Discarded {
        sqlx::query!("UPDATE job_failures SET given_up = TRUE WHERE job_id = ?", id).execute(&mut **tx).await?;
    } else {
        failures::forget(tx, id).await?;
    }
    Ok(after)
}

/// A cancel whose run is over: the job ended, or was put back by a rescue or a failure, and perhaps began another run.
#[derive(Clone, Debug)]
pub struct StrandedCancel {
    pub job: JobId,
    pub reason: String,
    pub actor: Option<Uuid>,
    /// The same request runs once more: nobody has asked for the job again since, or the cancel would be forgotten.
    pub runs_again: bool,
}

/// The stranded cancels; at most 100.
pub async fn stranded_cancels(db: &Db) -> Result<Vec<StrandedCancel>, DbError> {
    Ok(sqlx::query_as!(
        StrandedCancel,
        r#"SELECT c.job_id AS "job: JobId", c.reason, c.actor_id AS "actor: Uuid",
                j.state <=> 'running' AS "runs_again!: bool"
         FROM job_cancels c LEFT JOIN jobs j ON j.id = c.job_id
         WHERE j.id IS NULL OR j.state <> 'running' OR j.runs <> c.run LIMIT 100"#
    )
    .fetch_all(db.pool())
    .await?)
}

/// The cancel is meant for the run that is under way now.
pub async fn carry_cancel(db: &Db, id: JobId) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE job_cancels c JOIN jobs j ON j.id = c.job_id SET c.run = j.runs WHERE j.id = ? AND j.state = 'running'",
        id
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// The statements that forget what was asked of these runs and how far they were, where somebody has asked for the job again
/// since: it goes back into its queue for that request, which no earlier cancel is meant for, and which begins at the beginning.
/// They go before `again` is cleared. `runs` is a condition on `jobs`; with the token in it, the cancel of a run that others have
/// begun meanwhile stays.
pub(super) fn forget_before_again(runs: &str) -> String {
    let of = |table: &str| {
        format!(
            "DELETE c FROM {table} c JOIN jobs j ON j.id = c.job_id WHERE j.again AND j.state = 'running' AND ({runs})"
        )
    };
    format!("{}; {}", of("job_cancels"), of("job_checkpoints"))
}

/// Forgets a cancel whose job is gone, or whose run is over.
pub async fn forget_cancel(tx: &mut Tx, id: JobId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM job_cancels WHERE job_id = ?", id).execute(&mut **tx).await?;
    Ok(())
}
