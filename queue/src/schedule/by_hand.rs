//! Runs of a schedule that somebody asks for, beside its times.

use std::time::Duration;

use db::{DbError, Tx};
use uuid::Uuid;

use crate::{
    EnqueueError, Kinds,
    ids::JobId,
    ledger::{self, Action, By, schedules},
};

/// Why a schedule cannot be run by hand.
#[derive(Debug, thiserror::Error)]
pub enum RunNowError {
    #[error("there is no schedule {0:?}")]
    Unknown(String),
    /// A newer scheduler has written it down.
    #[error("this build does not know the job {kind:?} of schedule {name:?}: use the newest release's programs")]
    UnknownJob { name: String, kind: String },
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
}

impl From<DbError> for RunNowError {
    fn from(error: DbError) -> Self {
        Self::Enqueue(error.into())
    }
}

/// Enqueues a schedule's job beside its table, also while it is paused or switched off, and whether or not a scheduler
/// runs; its next tick comes as before. A job of it that still waits is returned instead of a second one, and one that
/// runs will run once more.
pub async fn run_schedule_now(
    tx: &mut Tx,
    kinds: &Kinds,
    name: &str,
    actor: Option<Uuid>,
    reason: &str,
) -> Result<JobId, RunNowError> {
    let schedule = schedules::lock(tx, name).await?.ok_or_else(|| RunNowError::Unknown(name.to_owned()))?;
    let Some(known) = kinds.find(&schedule.kind).and_then(|kind| kind.schedule) else {
        return Err(RunNowError::UnknownJob { name: schedule.name, kind: schedule.kind });
    };
    let job = known.job.enqueue(tx, Duration::ZERO).await?;
    // One of an earlier tick may wait for its jitter.
    ledger::operate(tx, job, Action::Retry, &By { actor, reason }).await?;
    schedules::record_manual(tx, name, job, actor, reason).await?;
    Ok(job)
}
