//! The jobs that schedules enqueue, by kind. Naming one here pulls in its arguments and policy, not its handler, so the
//! API can enqueue them too.

use std::time::Duration;

use domain::ids::JobId;
use futures::future::BoxFuture;
use infra::db::{
    DbError, Tx, cron,
    jobs::{self, Action, By},
};
use uuid::Uuid;

use crate::{
    EnqueueError, ExpireUploads, ExportAuditLog, Job, PruneLedger, ReconcileStorage, RemindModerators, Retention,
    RollUpStats, enqueue, enqueue_in,
};

/// A job without arguments of its own.
#[derive(Clone, Copy)]
pub struct Periodic {
    pub kind: &'static str,
    pub enqueue: Enqueue,
}

/// Enqueues a job to start after a delay.
pub type Enqueue = for<'a> fn(&'a mut Tx, Duration) -> BoxFuture<'a, Result<JobId, EnqueueError>>;

impl Periodic {
    /// Enqueues it, to start after `delay`.
    pub async fn enqueue(&self, tx: &mut Tx, delay: Duration) -> Result<JobId, EnqueueError> {
        (self.enqueue)(tx, delay).await
    }
}

macro_rules! periodic {
    ($($job:ident),* $(,)?) => {
        /// All of them.
        pub const PERIODIC: &[Periodic] = &[$(Periodic {
            kind: <$job as Job>::KIND,
            enqueue: |tx, delay| Box::pin(async move {
                if delay.is_zero() { enqueue(tx, &$job {}).await } else { enqueue_in(tx, &$job {}, delay).await }
            }),
        }),*];
    };
}

periodic!(ExpireUploads, ExportAuditLog, PruneLedger, ReconcileStorage, RemindModerators, Retention, RollUpStats,);

/// The periodic job of this kind.
pub fn periodic(kind: &str) -> Option<&'static Periodic> {
    PERIODIC.iter().find(|periodic| periodic.kind == kind)
}

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
    name: &str,
    actor: Option<Uuid>,
    reason: &str,
) -> Result<JobId, RunNowError> {
    let schedule = cron::lock(tx, name).await?.ok_or_else(|| RunNowError::Unknown(name.to_owned()))?;
    let Some(periodic) = periodic(&schedule.kind) else {
        return Err(RunNowError::UnknownJob { name: schedule.name, kind: schedule.kind });
    };
    let job = periodic.enqueue(tx, Duration::ZERO).await?;
    // One of an earlier tick may wait for its jitter.
    jobs::operate(tx, job, Action::Retry, &By { actor, reason }).await?;
    cron::record_manual(tx, name, job, actor, reason).await?;
    Ok(job)
}
