//! The contract for job authors: a job is a serde struct of ids with a stable name, its policy, and `run`.

use std::{future::Future, time::Duration};

use domain::ids::{NanoId, UploadId, UserId, VersionId};
use infra::{
    db::{DbError, Tx, job_attempts::CLASS_LIMIT},
    search::SearchError,
    storage::StorageError,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{context::Context, run::Run};

/// The queues, each scaled by how many workers list it in `WORKER_QUEUES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Archive checks, scans and the steps that decide about an upload.
    Uploads,
    /// Thumbnails.
    Media,
    /// The search index.
    Search,
    /// Mails.
    Mail,
    /// Clean-up.
    Maintenance,
    /// Jobs of other queues that ran out of memory; here they get more.
    Heavy,
}

impl Queue {
    pub const ALL: [Self; 6] = [Self::Uploads, Self::Media, Self::Search, Self::Mail, Self::Maintenance, Self::Heavy];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploads => "uploads",
            Self::Media => "media",
            Self::Search => "search",
            Self::Mail => "mail",
            Self::Maintenance => "maintenance",
            Self::Heavy => "heavy",
        }
    }

    pub fn parse(name: &str) -> Result<Self, UnknownQueue> {
        let known = Self::ALL.into_iter().find(|queue| queue.as_str() == name);
        known.ok_or_else(|| UnknownQueue(name.chars().take(40).collect()))
    }
}

/// A name from outside that is no queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no queue; the queues are {known}", known = Queue::ALL.map(Queue::as_str).join(", "))]
pub struct UnknownQueue(pub String);

/// Bands on the belt, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Priority {
    Urgent = 0,
    High = 1,
    Normal = 2,
    Low = 3,
    Bulk = 4,
}

/// How failures that burn an attempt are spread: `base * 2^failures`, at most `max`, half of it random.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Failures until the job is discarded.
    pub max_failures: u32,
    pub base: Duration,
    pub max: Duration,
}

impl RetryPolicy {
    pub const DEFAULT: Self =
        Self { max_failures: 10, base: Duration::from_secs(2), max: Duration::from_secs(15 * 60) };

    /// The delay after the `failures`-th failure (from 1); `jitter` in 0..1.
    pub fn delay(&self, failures: u32, jitter: f64) -> Duration {
        backoff(self.base, self.max, failures, jitter)
    }
}

/// Infrastructure faults burn no attempt and wait at most this long between tries, so that a step goes on soon
/// after the service is back.
const TRANSIENT_BASE: Duration = Duration::from_millis(500);
const TRANSIENT_MAX: Duration = Duration::from_secs(15);

/// The delay after the `runs`-th run that met an infrastructure fault.
pub(crate) fn transient_delay(runs: u32, jitter: f64) -> Duration {
    backoff(TRANSIENT_BASE, TRANSIENT_MAX, runs, jitter)
}

fn backoff(base: Duration, max: Duration, times: u32, jitter: f64) -> Duration {
    let full = base.saturating_mul(1 << times.saturating_sub(1).min(16)).min(max);
    full.mul_f64(0.5 + jitter / 2.0)
}

/// What a job is about, so that it can be found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    Nano(NanoId),
    Version(VersionId),
    Upload(UploadId),
    User(UserId),
}

impl Reference {
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Nano(_) => "nano",
            Self::Version(_) => "version",
            Self::Upload(_) => "upload",
            Self::User(_) => "user",
        }
    }

    pub const fn id(self) -> Uuid {
        match self {
            Self::Nano(id) => id.0,
            Self::Version(id) => id.0,
            Self::Upload(id) => id.0,
            Self::User(id) => id.0,
        }
    }
}

/// A unit of background work. One file per job under `jobs/src/`, registered in `registry.rs`.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The wire name. Never change it: rows with it are in production.
    const KIND: &'static str;
    /// Raised when the arguments change shape; a worker that does not know a version parks the job.
    const VERSION: u16 = 1;
    const QUEUE: Queue;
    const PRIORITY: Priority = Priority::Normal;
    /// For failures of every class together; [`Job::retry`] can be stricter about some.
    const RETRY: RetryPolicy = RetryPolicy::DEFAULT;
    /// A run longer than this is cancelled and counts as a failure.
    const TIMEOUT: Duration = Duration::from_secs(10 * 60);
    /// True for work that parses bytes from outside: each run gets a child process of its own, with limits, so that
    /// what kills it kills nothing else. A job that was lost twice runs in one whatever it says here.
    const ISOLATED: bool = false;
    /// Crashes (a child process died while its worker lived) until the job is quarantined.
    const MAX_CRASHES: u32 = 3;

    /// Whose work this is: fairness and the owner's rights go by it. None for the system's own.
    fn tenant(&self) -> Option<UserId> {
        None
    }

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// While a job with this key is live, enqueueing another returns its id; if it runs already, it runs once more
    /// afterwards.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// The policy for failures of one class: [`class::TIMEOUT`], [`class::PANIC`], or what the handler names with
    /// [`JobError::failed_as`]. Its `max_failures` counts failures of this class alone; those of all classes together
    /// stay within [`Job::RETRY`]'s.
    fn retry(_class: &str) -> RetryPolicy {
        Self::RETRY
    }

    /// Brings arguments of an older version into today's shape, so that rows of the build before still run. `None`
    /// for a version nobody knows: the job is parked. Arguments that turn out not to fit discard the job.
    fn upgrade(_version: u16, _args: Value) -> Option<Value> {
        None
    }

    /// Does the work. May run more than once: its last writes belong in the transaction of [`Outcome::DoneIn`].
    fn run(&self, context: &Context, run: &Run) -> impl Future<Output = Result<Outcome, JobError>> + Send;

    /// What else becomes true, in the same transaction, when the job is given up.
    fn discarded(
        &self,
        _context: &Context,
        _tx: &mut Tx,
        _reason: &str,
    ) -> impl Future<Output = Result<(), DbError>> + Send {
        async { Ok(()) }
    }
}

/// How a run ended well.
pub enum Outcome {
    /// Done; the handler wrote nothing to the database.
    Done,
    /// Done; these writes, the completed mark and what was enqueued commit together or not at all.
    DoneIn(Tx),
    /// Not yet: run again after this long. Burns no attempt.
    Snooze(Duration),
    /// No longer wanted.
    Cancel(String),
}

/// How a run went wrong.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A service is away or busy: wait for it, burning no attempt.
    #[error("waiting: {0}")]
    Transient(#[source] anyhow::Error),
    /// The work failed: try again by the retry policy.
    #[error("{0}")]
    Failed(#[source] anyhow::Error),
    /// Trying again cannot help.
    #[error("given up: {0}")]
    Discard(#[source] anyhow::Error),
    /// The job was given to others meanwhile: the run ends without a trace. Comes from [`Run::transaction`].
    #[error("the job was taken away from this run")]
    Lost,
}

/// Names of failures, for grouping and for [`Job::retry`]. A job may have further ones of its own: short, stable
/// words of at most 32 ASCII characters.
pub mod class {
    /// No class was named.
    pub const FAILED: &str = "failed";
    /// The handler panicked.
    pub const PANIC: &str = "panic";
    /// The run took longer than [`TIMEOUT`](super::Job::TIMEOUT).
    pub const TIMEOUT: &str = "timeout";
    /// The stored arguments do not fit the job.
    pub const ARGUMENTS: &str = "arguments";
    /// Its child process died.
    pub const CRASHED: &str = "crashed";
    /// Its child process ran out of memory.
    pub const OUT_OF_MEMORY: &str = "out_of_memory";
    /// A service was away.
    pub const TRANSIENT: &str = "transient";
    /// The handler said that trying again cannot help.
    pub const DISCARD: &str = "discard";
    /// Its worker process died.
    pub const LOST: &str = "lost";
}

/// An error with the name of its class.
#[derive(Debug)]
struct Classed {
    class: &'static str,
    error: anyhow::Error,
}

impl std::fmt::Display for Classed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Classed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl JobError {
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(error.into())
    }

    /// A failure of a class that the job's policy knows.
    pub fn failed_as(class: &'static str, error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(Classed { class, error: error.into() }.into())
    }

    /// Given up, for a reason that has a name.
    pub fn discard_as(class: &'static str, error: impl Into<anyhow::Error>) -> Self {
        Self::Discard(Classed { class, error: error.into() }.into())
    }

    /// Short and stable: what was named, if it fits the ledger.
    pub(crate) fn class(&self) -> &'static str {
        let (error, default) = match self {
            Self::Transient(_) => return class::TRANSIENT,
            Self::Lost => return class::LOST,
            Self::Failed(error) => (error, class::FAILED),
            Self::Discard(error) => (error, class::DISCARD),
        };
        let named = error.downcast_ref::<Classed>().map(|classed| classed.class);
        named.filter(|class| class.is_ascii() && (1..=CLASS_LIMIT).contains(&class.len())).unwrap_or(default)
    }
}

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        if error.is_transient() { Self::Transient(error.into()) } else { Self::Failed(error.into()) }
    }
}

impl From<StorageError> for JobError {
    fn from(error: StorageError) -> Self {
        if error.is_transient() { Self::Transient(error.into()) } else { Self::Failed(error.into()) }
    }
}

impl From<SearchError> for JobError {
    fn from(error: SearchError) -> Self {
        if error.is_transient() { Self::Transient(error.into()) } else { Self::Failed(error.into()) }
    }
}

impl From<std::io::Error> for JobError {
    /// A local disk that is full or failing says nothing about the upload.
    fn from(error: std::io::Error) -> Self {
        Self::Transient(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_class_and_its_text() {
        let error = JobError::failed_as("smtp", anyhow::anyhow!("refused").context("sending"));
        assert_eq!((error.class(), format!("{error:#}").as_str()), ("smtp", "sending"));
        assert_eq!(std::error::Error::source(&error).and_then(|cause| cause.source()).unwrap().to_string(), "refused");
        assert_eq!(JobError::failed(anyhow::anyhow!("plain")).class(), class::FAILED);
        assert_eq!(JobError::discard_as(class::ARGUMENTS, anyhow::anyhow!("no id")).class(), class::ARGUMENTS);
        let unfit = JobError::failed_as("a name far too long for the ledger's column", anyhow::anyhow!("x"));
        assert_eq!(unfit.class(), class::FAILED);
    }

    #[test]
    fn an_unknown_queue_is_told_which_there_are() {
        assert_eq!(Queue::parse("mail"), Ok(Queue::Mail));
        let error = Queue::parse("mial").unwrap_err().to_string();
        assert!(error.starts_with("\"mial\" is no queue; the queues are uploads, media,"), "{error}");
    }

    #[test]
    fn the_queues_are_those_the_ledger_looks_into() {
        assert_eq!(Queue::ALL.map(Queue::as_str), infra::queue::QUEUES);
    }

    #[test]
    fn backoff_grows_and_stays_within_its_bounds() {
        let policy = RetryPolicy { max_failures: 5, base: Duration::from_secs(2), max: Duration::from_secs(60) };
        assert_eq!(policy.delay(1, 0.0), Duration::from_secs(1));
        assert_eq!(policy.delay(1, 1.0), Duration::from_secs(2));
        assert_eq!(policy.delay(3, 1.0), Duration::from_secs(8));
        assert_eq!(policy.delay(40, 1.0), Duration::from_secs(60));
    }
}
