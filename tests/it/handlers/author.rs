//! The contract for job authors: classes of failures, lines, writes in the middle of a run, versions, times.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use db::{DbError, Tx};
use domain::{review::ReviewPolicy, user::Language};
use infra::db::email_deliveries::{self, NewDelivery};
use jobs::{Context, RemoveObject};
use queue::{
    EnqueueError, GivenUp, Job, JobError, Level, Outcome, Queue, Registry, RetryPolicy, Run, class, enqueue,
    enqueue_at, enqueue_in,
    ids::JobId,
    ledger::{
        self, State,
        history::{attempts, logs},
        workers,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::{TestApp, database, kit::Kit};
use tokio::sync::Notify;
use uuid::Uuid;

async fn kit(app: &TestApp, registry: Registry<Context>) -> Kit {
    app.kit_with(ReviewPolicy::FlaggedOnly, registry).await
}

/// Makes its failures as a script says.
#[derive(Serialize, Deserialize)]
struct Faulty {
    /// One for each run: `flaky`, `failed`, `panic`, `slow`.
    script: Vec<String>,
}

impl Job<Context> for Faulty {
    const KIND: &'static str = "test_faulty";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy =
        RetryPolicy { max_failures: 6, base: Duration::from_millis(1), max: Duration::from_millis(1) };
    const TIMEOUT: Duration = Duration::from_millis(300);

    fn retry(class: &str) -> RetryPolicy {
        match class {
            "flaky" => RetryPolicy { max_failures: 2, ..Self::RETRY },
            class::TIMEOUT => RetryPolicy { max_failures: 1, ..Self::RETRY },
            _ => Self::RETRY,
        }
    }

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        match self.script[run.number() as usize - 1].as_str() {
            "flaky" => Err(JobError::failed_as("flaky", anyhow::anyhow!("the other side hung up"))),
            "failed" => Err(JobError::failed(anyhow::anyhow!("no luck"))),
            "panic" => panic!("told to panic"),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(Outcome::Done)
            }
            other => panic!("{other}"),
        }
    }
}

/// Runs the script to its end; returns the classes in the ledger and the state the job ended in.
async fn classes(app: &TestApp, kit: &Kit, script: &[&str]) -> (Vec<String>, State) {
    let id = app.put(&Faulty { script: script.iter().map(|step| (*step).to_owned()).collect() }).await;
    let mut state = State::Available;
    for _ in script {
        assert!(!state.is_terminal(), "given up too early");
        state = kit.run_one(id).await.state;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let attempts = attempts::by_job(&app.db, id).await.unwrap();
    (attempts.into_iter().map(|attempt| attempt.class.unwrap()).collect(), state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_of_failures_has_a_policy_of_its_own() {
    let app = TestApp::start().await;
    let kit = kit(&app, Registry::new(jobs::QUEUES).with::<Faulty>()).await;
    let mixed = ["failed", "flaky", "panic", "failed", "flaky"];
    let (seen, state) = classes(&app, &kit, &mixed).await;
    assert_eq!((seen, state), (mixed.map(str::to_owned).to_vec(), State::Discarded), "the second flaky one is enough");

    let (seen, state) = classes(&app, &kit, &["slow"]).await;
    assert_eq!((seen, state), (vec!["timeout".to_owned()], State::Discarded));

    let all = ["failed", "failed", "panic", "failed", "failed", "flaky"];
    let (_, state) = classes(&app, &kit, &all).await;
    assert_eq!(state, State::Discarded, "six of all classes together");
    app.discard().await;
}

/// Says a number of lines in each run, and fails until the last.
#[derive(Serialize, Deserialize)]
struct Chatty {
    lines: u32,
    runs: u32,
}

impl Job<Context> for Chatty {
    const KIND: &'static str = "test_chatty";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy =
        RetryPolicy { max_failures: 20, base: Duration::from_millis(1), max: Duration::from_millis(1) };

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        for line in 1..=self.lines {
            run.log(Level::Info, "a line", &[("n", line.into()), ("long", "x".repeat(2_000).into())]);
        }
        if run.number() < self.runs {
            return Err(JobError::failed(anyhow::anyhow!("once more")));
        }
        Ok(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_bounded_in_number_length_and_runs() {
    let app = TestApp::start().await;
    let kit = kit(&app, Registry::new(jobs::QUEUES).with::<Chatty>()).await;
    let long = app.put(&Chatty { lines: 300, runs: 1 }).await;
    kit.run_one(long).await;
    let lines = logs::by_job(&app.db, long).await.unwrap();
    assert_eq!(lines.len(), 200);
    assert_eq!(lines.iter().map(|(_, line)| line.seq).collect::<Vec<_>>(), (1..=200).collect::<Vec<u16>>());
    assert_eq!(lines[199].1.message, "101 further lines were dropped: a run keeps 200");
    assert_eq!(lines[7].1.fields, Some(json!({ "n": 8, "long": "(2002 bytes)" })));

    let often = app.put(&Chatty { lines: 2, runs: 8 }).await;
    for _ in 0..8 {
        kit.run_one(often).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let runs: Vec<u32> = logs::by_job(&app.db, often).await.unwrap().into_iter().map(|(run, _)| run).collect();
    assert_eq!(runs, [4, 4, 5, 5, 6, 6, 7, 7, 8, 8], "the last five, failed ones too");
    app.finish().await;
}

/// What a handler and its test tell each other.
#[derive(Default)]
struct Meeting {
    go: Notify,
    refused: Mutex<Option<bool>>,
}

static MEETINGS: LazyLock<Mutex<HashMap<Uuid, &'static Meeting>>> = LazyLock::new(Mutex::default);

fn meeting(id: Uuid) -> &'static Meeting {
    MEETINGS.lock().unwrap().entry(id).or_insert_with(|| Box::leak(Box::default()))
}

/// Says a line, waits until it is told to go on, then writes in the middle of its run.
#[derive(Serialize, Deserialize)]
struct Midway {
    id: Uuid,
}

impl Job<Context> for Midway {
    const KIND: &'static str = "test_midway";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        run.log(Level::Info, "waiting", &[]);
        meeting(self.id).go.notified().await;
        let began = run.transaction(context).await;
        *meeting(self.id).refused.lock().unwrap() = Some(matches!(began, Err(JobError::Lost)));
        let mut tx = began?;
        enqueue(&mut tx, &RemoveObject { key: "uploads/midway.zip".into() }).await?;
        tx.commit().await?;
        Ok(Outcome::Done)
    }
}

async fn running(app: &TestApp, id: JobId) -> ledger::JobRow {
    let started = Instant::now();
    loop {
        let row = ledger::get(&app.db, id).await.unwrap().unwrap();
        if row.state == State::Running {
            return row;
        }
        assert!(started.elapsed() < tests::app::PATIENCE, "{row:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_stored_while_the_run_goes_on_and_its_writes_commit() {
    let app = TestApp::start().await;
    let kit = kit(&app, Registry::new(jobs::QUEUES).with::<Midway>()).await;
    let job = Midway { id: Uuid::now_v7() };
    let id = app.put(&job).await;
    let run = tokio::spawn(async move { kit.run_one(id).await });
    running(&app, id).await;
    let started = Instant::now();
    while logs::by_job(&app.db, id).await.unwrap().is_empty() {
        assert!(started.elapsed() < tests::app::PATIENCE, "a line waits for the end of its run");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    meeting(job.id).go.notify_one();
    assert_eq!(run.await.unwrap().state, State::Completed);
    assert_eq!(*meeting(job.id).refused.lock().unwrap(), Some(false));
    app.assert_enqueued::<RemoveObject>(|job| job.key == "uploads/midway.zip").await;
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lost_its_job_cannot_write_midway_and_ends_quietly() {
    let app = TestApp::start().await;
    let kit = kit(&app, Registry::new(jobs::QUEUES).with::<Midway>()).await;
    let job = Midway { id: Uuid::now_v7() };
    let id = app.put(&job).await;
    let run = tokio::spawn(async move { kit.run_one(id).await });
    let worker = running(&app, id).await.worker_id.unwrap();
    workers::stop(&app.db, worker).await.unwrap();
    assert_eq!(queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, worker).await.unwrap(), 1);
    meeting(job.id).go.notify_one();

    let row = run.await.unwrap();
    assert_eq!(*meeting(job.id).refused.lock().unwrap(), Some(true));
    assert_eq!((row.state, row.failures, row.runs, row.lost), (State::Available, 0, 1, 1));
    assert!(app.enqueued::<RemoveObject>().await.is_empty(), "nothing was written");
    let attempts = attempts::by_job(&app.db, id).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.outcome.as_str()).collect::<Vec<_>>(), ["lost"]);
    app.discard().await;
}

/// The build before: one name.
#[derive(Serialize, Deserialize)]
struct GreetBefore {
    name: String,
}

impl Job<Context> for GreetBefore {
    const KIND: &'static str = "test_greet";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        run.log(Level::Info, "hello", &[("name", self.name.as_str().into())]);
        Ok(Outcome::Done)
    }
}

/// Today's build: two.
#[derive(Serialize, Deserialize)]
struct Greet {
    first: String,
    last: String,
}

impl Job<Context> for Greet {
    const KIND: &'static str = "test_greet";
    const VERSION: u16 = 2;
    const QUEUE: Queue = jobs::queues::MAINTENANCE;

    fn upgrade(version: u16, args: Value) -> Option<Value> {
        let (first, last) = args["name"].as_str()?.split_once(' ')?;
        (version == 1).then(|| json!({ "first": first, "last": last }))
    }

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        run.log(Level::Info, "hello", &[("first", self.first.as_str().into()), ("last", self.last.as_str().into())]);
        Ok(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_build_runs_rows_of_the_version_before_and_an_old_one_parks_the_new() {
    let app = TestApp::start().await;
    let before = app.put(&GreetBefore { name: "Ada Lovelace".into() }).await;
    let today = app.put(&Greet { first: "Grace".into(), last: "Hopper".into() }).await;

    let old = kit(&app, Registry::new(jobs::QUEUES).with::<GreetBefore>()).await;
    let row = old.run_one(today).await;
    assert_eq!((row.state, row.failures), (State::Scheduled, 0), "parked for a build that knows it");

    let new = kit(&app, Registry::new(jobs::QUEUES).with::<Greet>()).await;
    assert_eq!(new.run_one(before).await.state, State::Completed);
    let said = logs::by_job(&app.db, before).await.unwrap();
    assert_eq!(said[0].1.fields, Some(json!({ "first": "Ada", "last": "Lovelace" })));

    let mut tx = app.db.begin().await.unwrap();
    ledger::operate(&mut tx, today, ledger::Action::Retry, &ledger::By::system("now")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(new.run_one(today).await.state, State::Completed);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_do_not_fit_discard_the_job_with_a_clear_error() {
    let app = TestApp::start().await;
    let registry = jobs::registry();
    let bad = app.put(&RemoveObject { key: "uploads/x.zip".into() }).await;
    let good = app.put(&RemoveObject { key: "uploads/y.zip".into() }).await;
    database::replace_arguments(&app.db, bad, &json!({ "schlüssel": [1, 2] })).await.unwrap();

    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, registry).await;
    app.drained().await;
    assert!(worker.is_running());
    worker.stop().await;
    let row = ledger::get(&app.db, bad).await.unwrap().unwrap();
    assert_eq!((row.state, row.runs), (State::Discarded, 1));
    let error = row.last_error.unwrap();
    assert!(error.contains("the stored arguments do not fit remove_object version 1: missing field `key`"), "{error}");
    let attempts = attempts::by_job(&app.db, bad).await.unwrap();
    assert_eq!(attempts[0].class.as_deref(), Some(class::ARGUMENTS));
    assert_eq!(ledger::get(&app.db, good).await.unwrap().unwrap().state, State::Completed);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_at_a_time_and_no_time_is_absurd() {
    let app = TestApp::start().await;
    let job = |name: &str| RemoveObject { key: format!("uploads/{name}.zip") };
    let mut tx = app.db.begin().await.unwrap();
    let past = enqueue_at(&mut tx, &job("past"), Utc::now() - TimeDelta::days(400)).await.unwrap();
    let at = Utc::now() + TimeDelta::hours(1);
    let later = enqueue_at(&mut tx, &job("later"), at).await.unwrap();
    let soon = enqueue_at(&mut tx, &job("soon"), Utc::now() + TimeDelta::milliseconds(700)).await.unwrap();
    let years = Duration::from_secs(11 * 366 * 24 * 60 * 60);
    for error in [
        enqueue_in(&mut tx, &job("far"), years).await.unwrap_err(),
        enqueue_in(&mut tx, &job("far"), Duration::MAX).await.unwrap_err(),
        enqueue_at(&mut tx, &job("far"), Utc::now() + TimeDelta::days(4_000)).await.unwrap_err(),
    ] {
        assert!(matches!(error, EnqueueError::TooFarAway { .. }), "{error}");
        assert!(error.to_string().contains("remove_object"), "{error}");
        assert!(error.to_string().contains("at most 3653 are allowed: check the unit"), "{error}");
    }
    tx.commit().await.unwrap();

    assert_eq!(ledger::get(&app.db, past).await.unwrap().unwrap().state, State::Available, "a past time means now");
    let row = ledger::get(&app.db, later).await.unwrap().unwrap();
    assert_eq!(row.state, State::Scheduled);
    assert!((row.run_at - at).abs() < TimeDelta::seconds(5), "{} is not {at}", row.run_at);
    app.run_one(past).await;
    let started = Instant::now();
    while app.run_all_due().await.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10), "never due");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ledger::get(&app.db, soon).await.unwrap().unwrap().state, State::Completed);
    assert!(ledger::get(&app.db, soon).await.unwrap().unwrap().started_at.unwrap() >= row.created_at);
    app.discard().await;
}

/// What giving it up should also write fails for good.
#[derive(Serialize, Deserialize)]
struct BadFarewell {
    panics: bool,
}

impl Job<Context> for BadFarewell {
    const KIND: &'static str = "test_bad_farewell";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const GIVEN_UP: Option<GivenUp<Self, Context>> = Some(|job, _, tx, _| Box::pin(job.given_up(tx)));

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Err(JobError::discard_as("hopeless", anyhow::anyhow!("no use")))
    }
}

impl BadFarewell {
    async fn given_up(&self, tx: &mut Tx) -> Result<(), DbError> {
        assert!(!self.panics, "told to panic");
        // A reference that is there already: a conflict each time.
        let twice = NewDelivery {
            id: Uuid::nil().into(),
            idempotency_key: "twice",
            template: "t",
            language: Language::En,
            user_id: None,
            recipient: "a@b.example",
            params: json!({}),
            now: Utc::now(),
        };
        email_deliveries::insert(tx, twice.clone()).await?;
        email_deliveries::insert(tx, twice).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_given_up_even_when_its_farewell_fails() {
    let app = TestApp::start().await;
    let kit = kit(&app, Registry::new(jobs::QUEUES).with::<BadFarewell>()).await;
    for panics in [false, true] {
        let id = app.put(&BadFarewell { panics }).await;
        let row = tokio::time::timeout(Duration::from_secs(20), kit.run_one(id)).await.expect("the run ends");
        assert_eq!((row.state, row.last_error.as_deref()), (State::Discarded, Some("given up: no use")));
    }
    assert!(tests::database::mails_by_state(&app.db).await.unwrap().is_empty(), "nothing of the farewell was written");
    app.discard().await;
}
