//! Changes of a job that waits: when it may run, how urgent it is, which queue has it. The caller writes the audit row and
//! commits.

use chrono::{DateTime, Utc};
use db::{DbError, Tx, clock::now_in};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{
        By, JobRow, State,
        act::{keep, leave_limits},
        history::timeline::Deed,
    },
    ready::{Available, Ticket},
};

/// What is to be different; what is not named stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A time that has passed means now.
    pub run_at: Option<DateTime<Utc>>,
    /// 0 first to 4 last.
    pub priority: Option<u8>,
    pub queue: Option<&'static str>,
}

impl Wanted {
    pub const fn is_empty(&self) -> bool {
        self.run_at.is_none() && self.priority.is_none() && self.queue.is_none()
    }
}

/// Where a job stands in line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub state: State,
    pub run_at: DateTime<Utc>,
    pub priority: u8,
    pub queue: String,
}

impl Place {
    /// Of a job that was read.
    pub fn of(row: &JobRow) -> Self {
        Self { state: row.state, run_at: row.run_at, priority: row.priority, queue: row.queue.clone() }
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub kind: String,
    pub before: Place,
    /// `None` when its state does not allow the change.
    pub after: Option<Place>,
}

struct Subject {
    kind: String,
    queue: String,
    priority: u8,
    tenant: Uuid,
    counted_by: Uuid,
    state: State,
    run_at: DateTime<Utc>,
}

/// Changes a job that waits for its time, its turn or its retry; of one that waits for its flow, priority and queue. Its row
/// stays locked until the transaction ends. `None` when there is no such job.
pub async fn change(tx: &mut Tx, id: JobId, wanted: &Wanted, by: &By<'_>) -> Result<Option<Changed>, DbError> {
    let subject = sqlx::query_as!(
        Subject,
        r#"SELECT kind, queue, priority, tenant AS "tenant: Uuid", COALESCE(limit_key, tenant) AS "counted_by!: Uuid", state AS "state: State", run_at AS "run_at: DateTime<Utc>"
           FROM jobs WHERE id = ? FOR UPDATE"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(Subject { kind, queue, priority, tenant, counted_by, state, run_at }) = subject else { return Ok(None) };
    let before = Place { state, run_at, priority, queue };
    let fits = match state {
        State::Available | State::Scheduled | State::Retryable | State::Blocked => true,
        State::Waiting => wanted.run_at.is_none(),
        _ => false,
    };
    if !fits {
        return Ok(Some(Changed { kind, before, after: None }));
    }
    let now = now_in(tx).await?;
    let after = before.changed(wanted, now);
    // A limit judges it anew; a start that the rate gave it is kept unless it is to begin at another time.
    leave_limits(tx, id, &kind, before.priority, counted_by, wanted.run_at.is_some()).await?;
    // Its deadline counts from when it is due.
    let later = (after.run_at - before.run_at).num_microseconds().unwrap_or_default().max(0);
    sqlx::query!(
        "UPDATE jobs SET state = ?, run_at = ?, priority = ?, queue = ?, deadline_at = deadline_at + INTERVAL ? MICROSECOND
         WHERE id = ?",
        after.state,
        after.run_at,
        after.priority,
        after.queue,
        later,
        id
    )
    .execute(&mut **tx)
    .await?;
    let details = json!({ "before": before, "after": after });
    keep(tx, id, Deed::Change.as_str(), by, (before.state, after.state), Some(details)).await?;
    if after.state == State::Available {
        let ticket = Ticket { job: id, priority: after.priority, rank: 0 };
        tx.notify(Available { queue: after.queue.clone(), ticket, tenant });
    }
    Ok(Some(Changed { kind, before, after: Some(after) }))
}

impl Place {
    fn changed(&self, wanted: &Wanted, now: DateTime<Utc>) -> Self {
        let (state, run_at) = match (self.state, wanted.run_at) {
            (State::Waiting, _) => (State::Waiting, self.run_at),
            (State::Blocked, None) => (State::Available, self.run_at),
            (state, None) => (state, self.run_at),
            (State::Retryable, Some(at)) if at > now => (State::Retryable, at),
            (_, Some(at)) if at > now => (State::Scheduled, at),
            // One that could have run before keeps its place in line.
            (_, Some(_)) => (State::Available, self.run_at.min(now)),
        };
        Self {
            state,
            run_at,
            priority: wanted.priority.unwrap_or(self.priority),
            queue: wanted.queue.map_or_else(|| self.queue.clone(), str::to_owned),
        }
    }
}
