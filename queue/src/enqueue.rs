//! Enqueueing: always in the transaction that makes the job true.

use std::time::Duration;

use chrono::{DateTime, Utc};
use db::{DbError, Tx, clock::now_in};

use crate::{
    Job, Queue, QueueContext,
    context::NoContext,
    ids::{FlowId, JobId},
    ledger::{
        self, NewJob, Start, Unique,
        flows::{self, OnGivenUp},
    },
    trace,
};

/// Arguments are ids, not payloads: at most 64 KiB of JSON.
const ARGS_LIMIT: usize = 64 * 1024;
/// A job further away than this is a mistake in a unit.
const DELAY_LIMIT_DAYS: u64 = 3_653;
const DELAY_LIMIT: Duration = Duration::from_secs(DELAY_LIMIT_DAYS * 24 * 60 * 60);

#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    #[error("the arguments of {kind} take {size} bytes; at most {ARGS_LIMIT} are allowed: pass ids, not payloads")]
    ArgumentsTooLarge { kind: &'static str, size: usize },
    #[error("the arguments of {kind} cannot be written as JSON: {source}")]
    Arguments { kind: &'static str, source: serde_json::Error },
    #[error("{kind} was asked to run in {days} days; at most {DELAY_LIMIT_DAYS} are allowed: check the unit")]
    TooFarAway { kind: &'static str, days: u64 },
    #[error(
        "{kind} has a unique key and cannot be a child: another flow may wait for the same job, and only one would hear of it"
    )]
    UniqueChild { kind: &'static str },
    #[error(
        "{kind} has a unique key, and job {live} is live under it: as the parent of a flow it would not wait for these children"
    )]
    UniqueParent { kind: &'static str, live: JobId },
    #[error("{kind} has no unique key, so a further request for it cannot be told from another job")]
    NotUnique { kind: &'static str },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl db::Transience for EnqueueError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_transient())
    }
}

/// Enqueues a job to run as soon as a worker is free.
pub async fn enqueue<J: Job<C>, C: QueueContext>(tx: &mut Tx, job: &J) -> Result<JobId, EnqueueError> {
    Ok(ledger::insert(tx, &row(job, Start::Now, None)?).await?)
}

/// Enqueues a job to run once `delay` has passed.
pub async fn enqueue_in<J: Job<C>, C: QueueContext>(
    tx: &mut Tx,
    job: &J,
    delay: Duration,
) -> Result<JobId, EnqueueError> {
    near_enough(J::KIND, delay)?;
    Ok(ledger::insert(tx, &row(job, Start::After(delay), None)?).await?)
}

fn near_enough(kind: &'static str, delay: Duration) -> Result<(), EnqueueError> {
    if delay > DELAY_LIMIT {
        return Err(EnqueueError::TooFarAway { kind, days: delay.as_secs().div_ceil(24 * 60 * 60) });
    }
    Ok(())
}

/// Enqueues a job of a unique key to run once nobody has asked for it for `quiet`, and at the latest `at_most` after the
/// first request (debounce): for work that many small changes ask for, and that is the same for all of them. Of requests with
/// different arguments the first counts, or with [`Job::NEWEST_COUNTS`] the last. Requests while it runs are answered by one
/// more run right after it.
pub async fn enqueue_when_quiet<J: Job<C>, C: QueueContext>(
    tx: &mut Tx,
    job: &J,
    quiet: Duration,
    at_most: Duration,
) -> Result<JobId, EnqueueError> {
    near_enough(J::KIND, quiet.max(at_most))?;
    let row = row(job, Start::Quiet { quiet: quiet.min(at_most), at_most }, None)?;
    if row.unique.is_none() {
        return Err(EnqueueError::NotUnique { kind: J::KIND });
    }
    Ok(ledger::insert(tx, &row).await?)
}

/// Enqueues a job to run at a time, by the database's clock; a time that has passed means now.
pub async fn enqueue_at<J: Job<C>, C: QueueContext>(
    tx: &mut Tx,
    job: &J,
    at: DateTime<Utc>,
) -> Result<JobId, EnqueueError> {
    match (at - now_in(tx).await?).to_std() {
        Ok(delay) if !delay.is_zero() => enqueue_in(tx, job, delay).await,
        _ => enqueue(tx, job).await,
    }
}

/// Enqueues many jobs of a kind at once, a few hundred to a statement; the ids are in their order.
pub async fn enqueue_all<J: Job<C>, C: QueueContext>(tx: &mut Tx, jobs: &[J]) -> Result<Vec<JobId>, EnqueueError> {
    let rows = jobs.iter().map(|job| row(job, Start::Now, None)).collect::<Result<Vec<_>, _>>()?;
    Ok(ledger::insert_all(tx, &rows).await?)
}

/// Children that run side by side, and the parent that runs once all of them have completed. A child may be the parent of a
/// flow of its own.
pub struct Flow {
    id: FlowId,
    on_given_up: OnGivenUp,
    children: Vec<NewJob>,
    /// The flows of its children, and of theirs, with their parents.
    below: Vec<(JobId, Flow)>,
}

impl Flow {
    pub fn new() -> Self {
        Self { id: FlowId::new(), on_given_up: OnGivenUp::Hold, children: Vec::new(), below: Vec::new() }
    }

    /// What it means that a child is given up (discarded, cancelled or quarantined); by default the parent waits until
    /// somebody retries it.
    pub fn on_given_up(mut self, meaning: OnGivenUp) -> Self {
        self.on_given_up = meaning;
        self
    }

    /// Adds a child.
    pub fn child<J: Job<C>, C: QueueContext>(mut self, job: &J) -> Result<Self, EnqueueError> {
        self.children.push(row(job, Start::Now, Some(self.id))?);
        Ok(self)
    }

    /// Adds a child that is the parent of a flow: it begins once those it waits for have completed, and counts here once it
    /// has completed itself.
    pub fn flow<J: Job<C>, C: QueueContext>(mut self, mut flow: Flow, parent: &J) -> Result<Self, EnqueueError> {
        let start = if flow.children.is_empty() { Start::Now } else { Start::WhenReleased };
        let parent = row(parent, start, Some(self.id))?;
        if !flow.children.is_empty() {
            self.below.append(&mut flow.below);
            self.below.push((parent.id, flow));
        }
        self.children.push(parent);
        Ok(self)
    }

    /// Enqueues the children, and `parent` waiting for them. A flow without children runs its parent at once.
    pub async fn enqueue<J: Job<C>, C: QueueContext>(mut self, tx: &mut Tx, parent: &J) -> Result<JobId, EnqueueError> {
        if self.children.is_empty() {
            return enqueue(tx, parent).await;
        }
        let row = row(parent, Start::WhenReleased, None)?;
        let parent = ledger::insert(tx, &row).await?;
        if parent != row.id {
            return Err(EnqueueError::UniqueParent { kind: J::KIND, live: parent });
        }
        let below = std::mem::take(&mut self.below);
        self.write(tx, parent).await?;
        for (parent, flow) in below {
            flow.write(tx, parent).await?;
        }
        Ok(parent)
    }

    /// The flow and its children, whose parent is there.
    async fn write(self, tx: &mut Tx, parent: JobId) -> Result<(), EnqueueError> {
        let children = u32::try_from(self.children.len()).unwrap_or(u32::MAX);
        flows::insert(tx, self.id, parent, children, self.on_given_up).await?;
        let ids = ledger::insert_all(tx, &self.children).await?;
        match self.children.iter().zip(ids).find(|(child, id)| child.id != *id) {
            Some((child, _)) => Err(EnqueueError::UniqueChild { kind: child.kind }),
            None => Ok(()),
        }
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self::new()
    }
}

fn row<J: Job<C>, C: QueueContext>(job: &J, start: Start, flow: Option<FlowId>) -> Result<NewJob, EnqueueError> {
    let args = serde_json::to_string(job).map_err(|source| EnqueueError::Arguments { kind: J::KIND, source })?;
    let size = args.len();
    if size > ARGS_LIMIT {
        return Err(EnqueueError::ArgumentsTooLarge { kind: J::KIND, size });
    }
    Ok(NewJob {
        id: JobId::new(),
        kind: J::KIND,
        args_version: J::VERSION,
        args,
        queue: J::QUEUE.as_str(),
        priority: J::PRIORITY as u8,
        tenant: job.tenant().unwrap_or_default(),
        max_failures: J::RETRY.max_failures,
        unique: job.unique_key().map(|key| Unique { key, window: J::UNIQUE_FOR, newest_counts: J::NEWEST_COUNTS }),
        limit_key: job.limit_key(),
        references: job.references().into_iter().map(|reference| (reference.kind, reference.id)).collect(),
        start,
        deadline: J::DEADLINE,
        flow,
        // Whoever enqueues is the parent: a request, another job's run, a tick of the scheduler.
        trace_parent: trace::trace_parent(),
    })
}

/// Enqueues one of the queue's own jobs into another queue than its own, in which its subject is or was.
pub(crate) async fn enqueue_into<J: Job<NoContext>>(tx: &mut Tx, job: &J, queue: Queue) -> Result<JobId, EnqueueError> {
    let row = NewJob { queue: queue.as_str(), ..row(job, Start::Now, None)? };
    Ok(ledger::insert(tx, &row).await?)
}
