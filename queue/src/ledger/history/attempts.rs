//! The history of runs: one row per finished run, except for a plain first success.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};

use crate::{ids::JobId, ledger::Fence};

/// Longest error text kept, in bytes.
const ERROR_LIMIT: usize = 4_000;

/// Runs before the newest so many are forgotten, but for those that burnt an attempt: a job that waits for a service for days
/// would leave thousands.
const KEPT: u32 = 200;

/// Longest error class, in bytes of ASCII.
pub const CLASS_LIMIT: usize = 32;

words::words! {
    /// How a run ended.
    pub enum Outcome ("outcome of a run") {
        Completed = "completed",
        Retry = "retry",
        Snoozed = "snoozed",
        Cancelled = "cancelled",
        Discarded = "discarded",
        /// Its worker process died; written by the rescuer.
        Lost = "lost",
        HandedBack = "handed_back",
        /// The worker did not know the kind or the version of the arguments.
        Parked = "parked",
        /// The child process died.
        Crashed = "crashed",
    } or Unknown = "unknown"
}

pub(crate) async fn record(
    tx: &mut Tx,
    fence: &Fence,
    outcome: Outcome,
    class: Option<&str>,
    error: Option<&str>,
) -> Result<(), DbError> {
    let error = error.map(shortened);
    sqlx::query!(
        "INSERT INTO job_attempts (job_id, run, worker_id, outcome, error_class, error, started_at, finished_at,
                                   worker_name, version)
         SELECT j.id, ?, ?, ?, ?, ?, j.started_at, UTC_TIMESTAMP(6), w.name, w.version
         FROM jobs j LEFT JOIN workers w ON w.id = j.worker_id WHERE j.id = ? AND j.token = ? AND j.runs = ?
         ON DUPLICATE KEY UPDATE outcome = VALUES(outcome), error_class = VALUES(error_class), error = VALUES(error)",
        fence.run,
        fence.worker,
        outcome,
        class,
        error,
        fence.job,
        fence.token,
        fence.run
    )
    .execute(&mut **tx)
    .await?;
    if fence.run > KEPT {
        sqlx::query!(
            "DELETE FROM job_attempts WHERE job_id = ? AND run <= ?
               AND (error_class <=> 'transient' OR outcome IN ('snoozed', 'handed_back', 'parked', 'lost'))",
            fence.job,
            fence.run - KEPT
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// A finished run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub run: u32,
    pub outcome: Outcome,
    pub class: Option<String>,
    pub error: Option<String>,
    /// Host and process of the worker, and its version.
    pub worker: Option<String>,
    pub version: Option<String>,
    /// When the run was claimed.
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: DateTime<Utc>,
}

/// The job's recorded runs in their order; at most the newest 200.
pub async fn by_job(db: &Db, job: JobId) -> Result<Vec<Attempt>, DbError> {
    let mut attempts = sqlx::query_as!(
        Attempt,
        r#"SELECT run, outcome AS "outcome: Outcome", error_class AS class, error, worker_name AS worker, version,
                  started_at AS "started_at: DateTime<Utc>", finished_at AS "finished_at: DateTime<Utc>"
           FROM job_attempts WHERE job_id = ? ORDER BY run DESC LIMIT 200"#,
        job
    )
    .fetch_all(db.pool())
    .await?;
    attempts.reverse();
    Ok(attempts)
}

/// The class of the newest run that met an error; `None` when none did, or when it had no class.
pub async fn last_class(db: &Db, job: JobId) -> Result<Option<String>, DbError> {
    let class = sqlx::query_scalar!(
        "SELECT error_class FROM job_attempts WHERE job_id = ? AND error_class IS NOT NULL ORDER BY run DESC LIMIT 1",
        job
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(class.flatten())
}

/// How many of the job's last `failures` failures were of this class.
pub async fn failures_of_class(db: &Db, job: JobId, failures: u32, class: &str) -> Result<u32, DbError> {
    let count = sqlx::query_scalar!(
        r#"SELECT COUNT(*) FROM (
               SELECT error_class FROM job_attempts
               WHERE job_id = ? AND outcome = 'retry' AND error_class IS NOT NULL AND error_class <> 'transient'
               ORDER BY run DESC LIMIT ?) AS last WHERE error_class = ?"#,
        job,
        failures,
        class
    )
    .fetch_one(db.pool())
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn shortened(error: &str) -> &str {
    let mut end = error.len().min(ERROR_LIMIT);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    &error[..end]
}
