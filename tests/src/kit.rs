//! For job authors: run one job, run all that are due, ask what was enqueued. Jobs go through the worker's own executor,
//! one run at a time and nothing beside it, so that a test can look at what each run left.

use chrono::TimeDelta;
use db::DbError;
use domain::{ids::NanoId, review::ReviewPolicy};
use jobs::Context;
use queue::{
    Job, Registry,
    ids::{JobId, WorkerId},
    ledger::{self, JobRow, State, workers},
};
use uuid::Uuid;

use crate::{app::TestApp, database};

/// A job that makes more runs than this in one [`Kit::run_all_due`] never ends.
const MANY_RUNS: usize = 2_000;

/// The jobs a test knows and what their handlers get.
#[derive(Clone)]
pub struct Kit {
    pub registry: Registry<Context>,
    pub context: Context,
}

/// One run, by what became of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub id: JobId,
    pub kind: String,
    pub state: State,
}

impl Kit {
    /// Changes the handlers' settings.
    #[must_use]
    pub fn with_settings(mut self, change: impl FnOnce(&mut jobs::Settings)) -> Self {
        let mut settings = (*self.context.settings).clone();
        change(&mut settings);
        self.context.settings = settings.into();
        self
    }

    /// Knows a job more.
    #[must_use]
    pub fn with_job<J: Job<Context>>(mut self) -> Self {
        self.registry = self.registry.with::<J>();
        self
    }

    /// Runs this job exactly once and returns its row afterwards. Fails the test when it is not due.
    #[track_caller]
    pub fn run_one(&self, id: JobId) -> impl Future<Output = JobRow> {
        let caller = std::panic::Location::caller();
        async move {
            let db = &self.context.db;
            ledger::promote(db, 500).await.expect("the ledger");
            let ran = Box::pin(queue::run_one(&self.registry, &self.context, id)).await.expect("the ledger");
            let row = ledger::get(db, id).await.expect("the ledger").expect("the job exists");
            assert!(ran, "the job is not due ({caller}): {row:#?}");
            row
        }
    }

    /// Runs what is due, and what becomes due by it, until nothing is left to run now. Jobs that failed wait for their
    /// delay and are not run again.
    pub async fn run_all_due(&self) -> Vec<Ran> {
        let mut runs = Vec::new();
        loop {
            let db = &self.context.db;
            ledger::promote(db, 500).await.expect("the ledger");
            let unfinished = ledger::unfinished(db).await.expect("the ledger");
            let Some(next) = unfinished.into_iter().find(|job| job.state == State::Available) else { return runs };
            let row = self.run_one(next.id).await;
            runs.push(Ran { id: row.id, kind: row.kind, state: row.state });
            assert!(runs.len() < MANY_RUNS, "jobs go on for ever; the last runs: {:#?}", &runs[MANY_RUNS - 10..]);
        }
    }
}

impl TestApp {
    /// The marketplace's jobs.
    pub async fn kit(&self) -> &Kit {
        self.kit.get_or_init(|| self.kit_with(ReviewPolicy::FlaggedOnly, jobs::registry())).await
    }

    /// Other jobs, or another policy.
    pub async fn kit_with(&self, review_policy: ReviewPolicy, registry: Registry<Context>) -> Kit {
        Kit { registry, context: self.context(review_policy).await }
    }

    /// [`Kit::run_one`] of a marketplace's job.
    pub async fn run_one(&self, id: JobId) -> JobRow {
        self.kit().await.run_one(id).await
    }

    /// [`Kit::run_all_due`] of the marketplace's jobs.
    pub async fn run_all_due(&self) -> Vec<Ran> {
        self.kit().await.run_all_due().await
    }

    /// The jobs of a nano, oldest first; at most 200.
    pub async fn jobs_of_nano(&self, nano: NanoId) -> Result<Vec<JobRow>, DbError> {
        ledger::by_reference(&self.db, "nano", nano.0).await
    }

    /// Enqueues a job in a transaction of its own.
    pub async fn put<J: Job<Context>>(&self, job: &J) -> JobId {
        let mut tx = self.db.begin().await.expect("a transaction");
        let id = queue::enqueue(&mut tx, job).await.expect("the job is enqueued");
        tx.commit().await.expect("a commit");
        id
    }

    /// Registers a worker that nobody runs, for tests that claim by hand.
    pub async fn enrol(&self, name: &str, queues: &str) -> WorkerId {
        let id = WorkerId(Uuid::now_v7());
        let (name, queues) = (name.into(), queues.into());
        let member = workers::NewWorker { id, name, version: "test".into(), queues, slots: 1 };
        workers::register(&self.db, &member).await.expect("the ledger");
        id
    }

    /// Every job of a kind that has not ended, with its arguments, oldest first.
    pub async fn enqueued<J: Job<Context>>(&self) -> Vec<(JobId, J)> {
        let stored = database::arguments_of_kind(&self.db, J::KIND).await.expect("the ledger");
        stored
            .into_iter()
            .map(|(job, version, args)| {
                let args =
                    if version == J::VERSION { args } else { J::upgrade(version, args).expect("a known version") };
                (job, serde_json::from_value(args).expect("arguments that fit"))
            })
            .collect()
    }

    /// The one job of a kind that has not ended and is as expected; fails the test when there is none, or another.
    pub async fn assert_enqueued<J: Job<Context>>(&self, expected: impl Fn(&J) -> bool) -> JobId {
        let all = self.enqueued::<J>().await;
        let found: Vec<JobId> = all.iter().filter(|(_, job)| expected(job)).map(|(id, _)| *id).collect();
        assert_eq!(found.len(), 1, "{} of {} {} jobs are as expected", found.len(), all.len(), J::KIND);
        found[0]
    }

    /// Moves the time of the API and of the handlers; the ledger goes by the database's. Fails the test unless it
    /// began with a clock moved by hand.
    pub fn advance(&self, by: TimeDelta) {
        assert!(matches!(self.clock, db::clock::Clock::Manual(_)), "start the test with a manual clock");
        self.clock.advance(by);
    }
}
