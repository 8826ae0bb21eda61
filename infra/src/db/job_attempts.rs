//! The history of runs: one row per finished run, except for a plain first success.

use super::{DbError, Tx, jobs::Fence};

/// Longest error text kept, in bytes.
const ERROR_LIMIT: usize = 4_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    Retry,
    Snoozed,
    Cancelled,
    Discarded,
    HandedBack,
    /// The worker did not know the kind or the version of the arguments.
    Parked,
    /// The child process died.
    Crashed,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Retry => "retry",
            Self::Snoozed => "snoozed",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
            Self::HandedBack => "handed_back",
            Self::Parked => "parked",
            Self::Crashed => "crashed",
        }
    }
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
        "INSERT INTO job_attempts (job_id, run, worker_id, outcome, error_class, error, started_at, finished_at)
         SELECT id, ?, ?, ?, ?, ?, started_at, UTC_TIMESTAMP(6) FROM jobs WHERE id = ? AND token = ? AND runs = ?
         ON DUPLICATE KEY UPDATE outcome = VALUES(outcome), error_class = VALUES(error_class), error = VALUES(error)",
        fence.run,
        fence.worker.0,
        outcome.as_str(),
        class,
        error,
        fence.job.0,
        fence.token,
        fence.run
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn shortened(error: &str) -> &str {
    let mut end = error.len().min(ERROR_LIMIT);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    &error[..end]
}
