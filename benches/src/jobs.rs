//! The jobs of the benchmarks. They use the product's queue exactly as its own jobs do.

use std::time::Duration;

use db::DbError;
use queue::{Job, JobError, Outcome, Queue, QueueContext, Run};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{journal, stats::now_micros, worker::Bench};

/// The queue all of them use.
pub const QUEUE: Queue = Queue::named("uploads");

/// Those of the product: what an idle worker asks grows with their number.
pub const QUEUES: [Queue; 7] = [
    QUEUE,
    Queue::named("media"),
    Queue::named("search"),
    Queue::named("mail"),
    queue::builtin::MAINTENANCE,
    queue::builtin::BULK,
    Queue::named("heavy"),
];

/// Does nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Noop {
    pub n: u64,
}

impl Job<Bench> for Noop {
    const KIND: &'static str = "bench_noop";
    const QUEUE: Queue = QUEUE;

    async fn run(&self, _: &Bench, run: &Run) -> Result<Outcome, JobError> {
        journal::begun(self.n, run.number());
        Ok(Outcome::Done)
    }
}

/// Does nothing, and leaves no trace: for loads of millions.
#[derive(Debug, Serialize, Deserialize)]
pub struct Filler {
    pub n: u64,
}

impl Job<Bench> for Filler {
    const KIND: &'static str = "bench_filler";
    const QUEUE: Queue = QUEUE;

    async fn run(&self, _: &Bench, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

/// Waits; writes nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sleep {
    pub n: u64,
    pub ms: u64,
    /// How long the first run takes instead, when it is to be interrupted.
    pub first_ms: Option<u64>,
}

impl Job<Bench> for Sleep {
    const KIND: &'static str = "bench_sleep";
    const QUEUE: Queue = QUEUE;

    async fn run(&self, _: &Bench, run: &Run) -> Result<Outcome, JobError> {
        journal::begun(self.n, run.number());
        let ms = self.first_ms.filter(|_| run.number() == 1).unwrap_or(self.ms);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(Outcome::Done)
    }
}

/// Waits, for a tenant.
#[derive(Debug, Serialize, Deserialize)]
pub struct Owned {
    pub n: u64,
    pub ms: u64,
    pub tenant: Uuid,
}

impl Job<Bench> for Owned {
    const KIND: &'static str = "bench_owned";
    const QUEUE: Queue = QUEUE;

    fn tenant(&self) -> Option<Uuid> {
        Some(self.tenant)
    }

    async fn run(&self, _: &Bench, run: &Run) -> Result<Outcome, JobError> {
        journal::begun(self.n, run.number());
        tokio::time::sleep(Duration::from_millis(self.ms)).await;
        Ok(Outcome::Done)
    }
}

/// One writing transaction: a row of `bench_writes` that commits with the job's completion or not at all.
#[derive(Debug, Serialize, Deserialize)]
pub struct Write {
    pub n: u64,
    /// Work before the write.
    pub ms: u64,
    /// How long the first run takes instead.
    pub first_ms: Option<u64>,
}

impl Job<Bench> for Write {
    const KIND: &'static str = "bench_write";
    const QUEUE: Queue = QUEUE;

    async fn run(&self, context: &Bench, run: &Run) -> Result<Outcome, JobError> {
        let began = now_micros();
        journal::begun(self.n, run.number());
        let ms = self.first_ms.filter(|_| run.number() == 1).unwrap_or(self.ms);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let mut tx = context.db().begin().await?;
        sqlx::query("INSERT INTO bench_writes (n, run, pid, began) VALUES (?, ?, ?, ?)")
            .bind(self.n)
            .bind(run.number())
            .bind(std::process::id())
            .bind(began)
            .execute(&mut *tx)
            .await
            .map_err(DbError::from)?;
        Ok(Outcome::DoneIn(tx))
    }
}
