//! Schedules: jobs that the scheduler enqueues at times that a cron expression names, each tick once however many replicas
//! run.

mod by_hand;
mod plan;
mod scheduler;
pub mod table;
pub mod times;
pub mod zone;

use std::time::Duration;

use db::Tx;
use futures::future::BoxFuture;

use self::table::{CatchUp, Line};
use crate::{EnqueueError, Job, QueueContext, enqueue, enqueue_in, ids::JobId};

pub use by_hand::{RunNowError, run_schedule_now};
pub use scheduler::{Look, Scheduler, Time};

/// When a job is enqueued by the scheduler, and how: part of the job's type.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub line: Line<'static>,
    pub job: Periodic,
}

impl Schedule {
    /// At these times (seconds, minutes, hours, day of month, month, day of week) of an IANA zone. Without
    /// [`jitter`](Self::jitter) the job starts with the tick; of ticks that nobody was there for the newest runs.
    pub const fn new<J: Job<C> + Default, C: QueueContext>(expression: &'static str, zone: &'static str) -> Self {
        let line = Line { name: J::KIND, kind: J::KIND, expression, zone, jitter_seconds: 0, catch_up: CatchUp::Once };
        Self { line, job: Periodic { kind: J::KIND, enqueue: enqueue_default::<J, C> } }
    }

    /// Each tick's job starts up to this much later, so that not everything starts with the minute.
    #[must_use]
    pub const fn jitter(mut self, seconds: u32) -> Self {
        self.line.jitter_seconds = seconds;
        self
    }

    /// What happens with ticks that came due while no scheduler ran.
    #[must_use]
    pub const fn catch_up(mut self, policy: CatchUp) -> Self {
        self.line.catch_up = policy;
        self
    }
}

/// A job without arguments of its own, as the scheduler sees it: naming it pulls no handler in.
#[derive(Clone, Copy, Debug)]
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

fn enqueue_default<J: Job<C> + Default, C: QueueContext>(
    tx: &mut Tx,
    delay: Duration,
) -> BoxFuture<'_, Result<JobId, EnqueueError>> {
    Box::pin(async move {
        let job = J::default();
        if delay.is_zero() { enqueue::<J, C>(tx, &job).await } else { enqueue_in::<J, C>(tx, &job, delay).await }
    })
}
