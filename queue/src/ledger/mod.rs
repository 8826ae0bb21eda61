//! The ledger's rows: what a job is, how it comes to be, how it is read.

mod about;
mod act;
pub mod alerts;
pub mod bulk_actions;
mod change;
mod claim;
pub mod controls;
mod enqueue;
mod finish;
pub mod flow_members;
pub mod flows;
mod head;
pub mod history;
mod hold;
pub mod kinds;
pub mod leases;
mod limited;
pub mod list;
mod rescue;
pub mod schedules;
pub mod stats;
mod unknown;
mod window;
pub mod workers;

use chrono::{DateTime, Utc};
use db::{Db, DbError};
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use crate::ids::{FlowId, JobId, WorkerId};

pub use about::{subjects, unfinished_about};
pub use act::{Action, By, Change, Operated, StrandedCancel, carry_cancel, forget_cancel, operate, stranded_cancels};
pub use change::{Changed, Place, Wanted, change};
pub use claim::{Claimant, Claimed, claim, claim_within};
pub use enqueue::{NewJob, Start, Unique, insert, insert_all};
pub use finish::{
    Ending, Fence, Fenced, Incomplete, Next, complete, complete_all, complete_limited, fail, finish, hand_back,
    hand_back_unstarted,
};
pub use head::{Head, head, promote, tenants, waiting_in};
pub use hold::{hold, wanted_again};
pub use rescue::{Pruned, Rescued, owned_by, prune, prune_groups, prune_windows, rescue_jobs};

pub(crate) use unknown::Known;
pub use unknown::{announced, set_aside_unknown};

/// A transaction that makes many jobs available pushes no more tickets than this; the dispatcher finds the rest.
const NOTICES_AT_MOST: usize = 64;

words::words! {
    /// Where a job stands.
    pub enum State ("job state") {
        Available = "available",
        Scheduled = "scheduled",
        Running = "running",
        Retryable = "retryable",
        Waiting = "waiting",
        Blocked = "blocked",
        Completed = "completed",
        Cancelled = "cancelled",
        Discarded = "discarded",
        Quarantined = "quarantined",
    }
}

impl State {
    /// True when the job will not run again by itself.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Discarded | Self::Quarantined)
    }
}

/// A job as its owner and the operators see it.
#[derive(Clone, Debug, FromRow)]
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub args_version: u16,
    pub queue: String,
    pub priority: u8,
    pub tenant: Uuid,
    pub state: State,
    pub runs: u32,
    pub failures: u32,
    pub max_failures: u32,
    pub lost: u32,
    pub crashes: u32,
    pub run_at: DateTime<Utc>,
    pub worker_id: Option<WorkerId>,
    pub flow_id: Option<FlowId>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// What groups its newest failure with others of the same cause.
    #[sqlx(rename = "error_fingerprint")]
    pub fingerprint: Option<list::Fingerprint>,
    pub trace_parent: Option<String>,
    /// The error of the last run that met one.
    pub last_error: Option<String>,
    #[sqlx(rename = "done")]
    pub progress_done: Option<u64>,
    #[sqlx(rename = "total")]
    pub progress_total: Option<u64>,
    #[sqlx(rename = "note")]
    pub progress_note: Option<String>,
}

pub async fn get(db: &Db, id: JobId) -> Result<Option<JobRow>, DbError> {
    Ok(select(db, |query| {
        query.push("WHERE j.id = ").push_bind(id);
    })
    .await?
    .pop())
}

/// Every job that declared this reference, oldest first; at most 200.
pub async fn by_reference(db: &Db, kind: &str, id: Uuid) -> Result<Vec<JobRow>, DbError> {
    select(db, |query| {
        query
            .push("JOIN job_refs r ON r.job_id = j.id WHERE r.ref_type = ")
            .push_bind(kind.to_owned())
            .push(" AND r.ref_id = ")
            .push_bind(id)
            .push(" ORDER BY j.id LIMIT 200");
    })
    .await
}

/// Jobs that are not in a terminal state, oldest first; at most 200. What tests must find empty at their end.
pub async fn unfinished(db: &Db) -> Result<Vec<JobRow>, DbError> {
    select(db, |query| {
        query.push(
            "WHERE j.state IN ('available','scheduled','running','retryable','waiting','blocked') ORDER BY j.id LIMIT 200",
        );
    })
    .await
}

/// All that a [`JobRow`] shows, of `jobs j`.
const SELECT: &str = "SELECT j.id, j.kind, j.args_version, j.queue, j.priority, j.tenant, j.state, j.runs, j.failures,
            j.max_failures, j.lost, j.crashes, j.run_at, j.worker_id, j.flow_id, j.trace_parent, j.error_fingerprint,
            j.created_at, j.started_at, j.finished_at, p.done, p.total, p.note,
            (SELECT a.error FROM job_attempts a WHERE a.job_id = j.id AND a.error IS NOT NULL
             ORDER BY a.run DESC LIMIT 1) AS last_error
     FROM jobs j LEFT JOIN job_progress p ON p.job_id = j.id";

async fn select(db: &Db, restrict: impl FnOnce(&mut QueryBuilder<sqlx::MySql>)) -> Result<Vec<JobRow>, DbError> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" ");
    restrict(&mut query);
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}

/// Ids sorted and without doubles: the order in which every batch takes its locks.
pub(crate) fn sorted(mut ids: Vec<JobId>) -> Vec<JobId> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// An update of those of `ids` for which `condition` holds, which never waits for a row that somebody else has locked: it
/// passes it over. `changes` is about `j`. The derived table with its limit and the order of the join make the server lock
/// first and update only what it has locked; the indexes are named, since a small table would be read as a whole.
pub(crate) fn passing_locked(ids: &str, condition: &str, changes: &str) -> String {
    format!(
        "UPDATE (SELECT id FROM jobs FORCE INDEX (PRIMARY) WHERE id IN ({ids}) AND {condition}
                 LIMIT 10000 FOR UPDATE SKIP LOCKED) free
                STRAIGHT_JOIN jobs j FORCE INDEX (PRIMARY) ON j.id = free.id
         SET {changes}"
    )
}

/// `?, ?, …` of ids.
pub(crate) fn push_ids(query: &mut QueryBuilder<sqlx::MySql>, ids: &[JobId]) {
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
}
