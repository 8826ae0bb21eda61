//! The contract for job authors: a job is a serde struct of ids with a stable name, its policy, and `run`.

use std::time::Duration;

use db::{DbError, Tx};
use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{JobError, Outcome, Queue, QueueContext, Run, schedule::Schedule};

#[cfg(doc)]
use crate::class;

/// Bands of the ready list, first to last.
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
pub struct Reference {
    /// A short stable word such as `nano`; at most 16 ASCII characters.
    pub kind: &'static str,
    pub id: Uuid,
}

impl Reference {
    pub fn new(kind: &'static str, id: impl Into<Uuid>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// What else becomes true, in the same transaction, when a job is given up; the text is why.
pub type GivenUp<J, C> = for<'a> fn(&'a J, &'a C, &'a mut Tx, &'a str) -> BoxFuture<'a, Result<(), DbError>>;

/// A unit of background work, with the program's own context `C`. One file per job, and one line in the program's list.
pub trait Job<C: QueueContext>: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The wire name. Never change it: rows with it are in production.
    const KIND: &'static str;
    /// Raised when the arguments change shape; a worker that does not know a version parks the job.
    const VERSION: u16 = 1;
    const QUEUE: Queue;
    const PRIORITY: Priority = Priority::Normal;
    /// For failures of every class together; [`Job::retry`] can be stricter about some.
    const RETRY: RetryPolicy = RetryPolicy::DEFAULT;
    /// This long after it was due it is too late: the job is not begun and not tried again, but given up. A retry by a person
    /// has no deadline. `None`: it is never too late.
    const DEADLINE: Option<Duration> = None;
    /// A run longer than this is cancelled and counts as a failure.
    const TIMEOUT: Duration = Duration::from_secs(10 * 60);
    /// True for work that parses bytes from outside: each run gets a child process of its own, with limits, so that
    /// what kills it kills nothing else. A job that was lost twice runs in one whatever it says here.
    const ISOLATED: bool = false;
    /// Crashes (a child process died while its worker lived) until the job is quarantined.
    const MAX_CRASHES: u32 = 3;
    /// True for what its owner may try again after it failed, without an operator.
    const OWNER_MAY_RETRY: bool = false;
    /// Enqueueing another of the same unique key within this time after the first returns that one's id, also while it runs
    /// and once it has completed; not when it was given up. `None`: only while one is live.
    const UNIQUE_FOR: Option<Duration> = None;
    /// True when a second request takes the place of a first one of the same key that has not begun: its arguments count,
    /// and when it is due. Of one that runs, they count for the run that follows it.
    const NEWEST_COUNTS: bool = false;
    /// For jobs that the scheduler enqueues: when. Such a job has no arguments.
    const SCHEDULE: Option<Schedule> = None;
    /// What else becomes true, in the same transaction, when the job is given up: discarded, quarantined or cancelled.
    const GIVEN_UP: Option<GivenUp<Self, C>> = None;

    /// Whose work this is: fairness and the owner's rights go by it. None for the system's own.
    fn tenant(&self) -> Option<Uuid> {
        None
    }

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// While a job with this key is live, enqueueing another returns its id; if it runs already, it runs once more
    /// afterwards. [`Job::UNIQUE_FOR`] and [`Job::NEWEST_COUNTS`] say more.
    fn unique_key(&self) -> Option<String> {
        // A scheduled job has no arguments: one at a time is enough.
        Self::SCHEDULE.map(|_| String::new())
    }

    /// What the limits that are for each tenant count by, instead of the tenant: a mail domain, an account at some service.
    fn limit_key(&self) -> Option<String> {
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
    fn run(&self, context: &C, run: &Run) -> impl Future<Output = Result<Outcome, JobError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_and_stays_within_its_bounds() {
        let policy = RetryPolicy { max_failures: 5, base: Duration::from_secs(2), max: Duration::from_secs(60) };
        assert_eq!(policy.delay(1, 0.0), Duration::from_secs(1));
        assert_eq!(policy.delay(1, 1.0), Duration::from_secs(2));
        assert_eq!(policy.delay(3, 1.0), Duration::from_secs(8));
        assert_eq!(policy.delay(40, 1.0), Duration::from_secs(60));
    }
}
