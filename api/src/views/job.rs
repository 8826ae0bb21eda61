//! Jobs: what their owners see, and what those who operate them see.

use chrono::{DateTime, Utc};
use queue::ledger::{JobRow, State, list::Fingerprint};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::reply::{maybe_time, time};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub note: String,
}

impl Progress {
    fn of(row: &JobRow) -> Option<Self> {
        row.progress_done.map(|done| Self {
            done,
            total: row.progress_total,
            note: row.progress_note.clone().unwrap_or_default(),
        })
    }
}

/// Milliseconds from when it could run to the start of its last run.
fn waited(row: &JobRow) -> Option<i64> {
    row.started_at.map(|started| (started - row.run_at).num_milliseconds().max(0))
}

/// Milliseconds from the start of its last run to its end.
fn ran(row: &JobRow) -> Option<i64> {
    row.started_at.zip(row.finished_at).map(|(started, ended)| (ended - started).num_milliseconds().max(0))
}

/// A step of background work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    pub id: Uuid,
    pub kind: String,
    #[schema(example = "running")]
    pub state: &'static str,
    /// Times it was started.
    pub runs: u32,
    /// Runs that failed by its own fault.
    pub failures: u32,
    pub progress: Option<Progress>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// Of the last run.
    #[serde(serialize_with = "maybe_time")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "maybe_time")]
    pub finished_at: Option<DateTime<Utc>>,
    /// From when it could run to the start of its last run.
    pub wait_ms: Option<i64>,
    /// From the start of its last run to its end.
    pub run_ms: Option<i64>,
    /// The newest error: its text for callers with `jobs:read`; for everybody else, the job's owner included, one fixed
    /// sentence, since the text may name parts of the system.
    pub error: Option<String>,
}

impl Job {
    /// `full` shows error texts, which may speak of the inside of the system.
    pub fn of(row: JobRow, full: bool) -> Self {
        let (progress, wait_ms, run_ms) = (Progress::of(&row), waited(&row), ran(&row));
        let error = row.last_error.map(|error| {
            if full { error } else { "The step met an error; it is retried by itself while that makes sense.".into() }
        });
        Self {
            id: row.id.0,
            kind: row.kind,
            state: row.state.as_str(),
            runs: row.runs,
            failures: row.failures,
            progress,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            wait_ms,
            run_ms,
            error,
        }
    }
}

/// What a job is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct About {
    pub nano_id: Uuid,
    pub title: String,
}

/// A job in a list.
#[derive(Clone, Serialize, ToSchema)]
pub struct AdminJob {
    pub id: Uuid,
    pub kind: String,
    pub queue: String,
    #[schema(schema_with = words::job_state)]
    pub state: State,
    /// 0 first to 4 last.
    pub priority: u8,
    /// The owner; absent for the system's own work.
    pub tenant: Option<Uuid>,
    /// Times it was started.
    pub runs: u32,
    /// Runs that failed by its own fault.
    pub failures: u32,
    /// Failures until it is given up.
    pub max_failures: u32,
    /// Runs lost with their worker.
    pub lost: u32,
    /// Runs whose child process died.
    pub crashes: u32,
    pub worker_id: Option<Uuid>,
    pub progress: Option<Progress>,
    /// From when it may or might run.
    #[serde(serialize_with = "time")]
    pub run_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// Of the last run.
    #[serde(serialize_with = "maybe_time")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "maybe_time")]
    pub finished_at: Option<DateTime<Utc>>,
    /// From when it could run to the start of its last run.
    pub wait_ms: Option<i64>,
    /// From the start of its last run to its end.
    pub run_ms: Option<i64>,
    /// What groups its newest failure with others of the same cause.
    #[schema(value_type = Option<String>)]
    pub fingerprint: Option<Fingerprint>,
    /// The nano that it declared to be about, for those who may read every nano (`nanos:read_all`).
    pub about: Option<About>,
    /// Its owner's name, for those who manage accounts (`users:manage`).
    pub owner: Option<String>,
    /// The newest error.
    pub error: Option<String>,
}

impl From<JobRow> for AdminJob {
    fn from(row: JobRow) -> Self {
        let (progress, wait_ms, run_ms) = (Progress::of(&row), waited(&row), ran(&row));
        Self {
            id: row.id.0,
            kind: row.kind,
            queue: row.queue,
            state: row.state,
            priority: row.priority,
            tenant: Some(row.tenant).filter(|tenant| !tenant.is_nil()),
            runs: row.runs,
            failures: row.failures,
            max_failures: row.max_failures,
            lost: row.lost,
            crashes: row.crashes,
            worker_id: row.worker_id.map(Uuid::from),
            progress,
            run_at: row.run_at,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            wait_ms,
            run_ms,
            fingerprint: row.fingerprint,
            about: None,
            owner: None,
            error: row.last_error,
        }
    }
}
