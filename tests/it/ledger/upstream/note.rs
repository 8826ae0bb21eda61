//! The job of these tests, and how they watch it.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use domain::review::ReviewPolicy;
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, RetryPolicy, Run, enqueue_all,
    ids::JobId,
    ledger::{self, State},
};
use serde::{Deserialize, Serialize};
use tests::{TestApp, fleet::Worker};
use uuid::Uuid;

/// Writes down when it starts, then does what it is told.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Note {
    /// The test's own list.
    pub(super) test: Uuid,
    pub(super) number: u32,
    pub(super) act: Act,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum Act {
    Nothing,
    Sleep(u64),
    FailTimes(u32),
}

/// (number of the job, when a run of it began), by test.
type Starts = HashMap<Uuid, Vec<(u32, Instant)>>;

static STARTS: LazyLock<Mutex<Starts>> = LazyLock::new(Mutex::default);

pub(super) fn starts(test: Uuid) -> Vec<(u32, Instant)> {
    STARTS.lock().unwrap().get(&test).cloned().unwrap_or_default()
}

pub(super) fn count(test: Uuid) -> usize {
    STARTS.lock().unwrap().get(&test).map_or(0, Vec::len)
}

impl Job<Context> for Note {
    const KIND: &'static str = "test_note";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy =
        RetryPolicy { max_failures: 3, base: Duration::from_secs(1), max: Duration::from_secs(5) };

    fn unique_key(&self) -> Option<String> {
        matches!(self.act, Act::Sleep(_)).then(|| format!("{} {}", self.test, self.number))
    }

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        STARTS.lock().unwrap().entry(self.test).or_default().push((self.number, Instant::now()));
        match self.act {
            Act::Nothing => {}
            Act::Sleep(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Act::FailTimes(times) if run.failures() < times => {
                return Err(JobError::failed(anyhow::anyhow!("told to fail")));
            }
            Act::FailTimes(_) => {}
        }
        Ok(Outcome::Done)
    }
}

pub(super) fn notes(test: Uuid, number: u32, act: Act) -> Vec<Note> {
    (0..number).map(|number| Note { test, number, act }).collect()
}

pub(super) async fn put_all(app: &TestApp, jobs: &[Note]) -> Vec<JobId> {
    let mut tx = app.db.begin().await.unwrap();
    let ids = enqueue_all(&mut tx, jobs).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

/// A worker that takes so many jobs of the tests' queue at a time.
pub(super) async fn worker(app: &TestApp, slots: usize) -> Worker {
    let mut fleet = app.prepared_worker(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Note>()).await;
    fleet.settings.queues = vec![(jobs::queues::MAINTENANCE, slots)];
    Worker::start(fleet)
}

pub(super) async fn until(what: &str, limit: Duration, mut reached: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !reached().await {
        assert!(started.elapsed() < limit, "{what} took longer than {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) async fn state(app: &TestApp, id: JobId) -> State {
    ledger::get(&app.db, id).await.unwrap().unwrap().state
}

/// Enqueues one job and returns how long after the commit it began.
pub(super) async fn pickup(app: &TestApp, test: Uuid, number: u32) -> Duration {
    app.put(&Note { test, number, act: Act::Nothing }).await;
    let committed = Instant::now();
    let mut began = None;
    until("a pickup", Duration::from_secs(30), async || {
        began = starts(test).into_iter().find(|(of, _)| *of == number).map(|(_, began)| began);
        began.is_some()
    })
    .await;
    began.unwrap().saturating_duration_since(committed)
}
