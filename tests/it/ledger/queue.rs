//! The ledger's promises, with jobs made for the purpose.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use db::Db;
use domain::review::ReviewPolicy;
use jobs::Context;
use queue::{
    Flow, Job, JobError, Outcome, Queue, RetryPolicy, Run, enqueue,
    ids::JobId,
    ledger::{self, Ending, Fenced, Next, State, history::attempts, workers},
    schedule::Scheduler,
};
use serde::{Deserialize, Serialize};
use servers::redis::{RedisServer, Role};
use tests::{TestApp, app::Overrides, database, fleet::Worker};
use uuid::Uuid;

/// Counts its runs under a number, and does what it is told.
#[derive(Serialize, Deserialize)]
struct Probe {
    id: Uuid,
    act: Act,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Act {
    Succeed,
    FailTimes(u32),
    Sleep(u64),
    Panic,
}

static RUNS: std::sync::LazyLock<std::sync::Mutex<std::collections::HashMap<Uuid, &'static AtomicU32>>> =
    std::sync::LazyLock::new(Default::default);

fn runs_of(id: Uuid) -> &'static AtomicU32 {
    RUNS.lock().unwrap().entry(id).or_insert_with(|| Box::leak(Box::default()))
}

impl Job<Context> for Probe {
    const KIND: &'static str = "test_probe";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy =
        RetryPolicy { max_failures: 3, base: Duration::from_millis(200), max: Duration::from_secs(1) };

    fn unique_key(&self) -> Option<String> {
        Some(self.id.to_string())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        runs_of(self.id).fetch_add(1, Ordering::SeqCst);
        match self.act {
            Act::Succeed => Ok(Outcome::DoneIn(context.db.begin().await?)),
            Act::FailTimes(times) if run.failures() < times => Err(JobError::Failed(anyhow::anyhow!("told to fail"))),
            Act::FailTimes(_) => Ok(Outcome::Done),
            Act::Sleep(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(Outcome::Done)
            }
            Act::Panic => panic!("told to panic"),
        }
    }
}

/// A kind that only a newer build knows.
#[derive(Serialize, Deserialize)]
struct FromTheFuture {}

impl Job<Context> for FromTheFuture {
    const KIND: &'static str = "test_from_the_future";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

fn probe(act: Act) -> Probe {
    Probe { id: Uuid::now_v7(), act }
}

async fn put<J: Job<Context>>(app: &TestApp, job: &J) -> JobId {
    let mut tx = app.db.begin().await.unwrap();
    let id = enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn worker(app: &TestApp) -> Worker {
    app.worker_with(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Probe>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_transaction_enqueues_nothing() {
    let app = TestApp::start().await;
    let mut tx = app.db.begin().await.unwrap();
    let id = enqueue(&mut tx, &probe(Act::Succeed)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(ledger::get(&app.db, id).await.unwrap().is_none());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_session_is_read_committed() {
    let app = TestApp::start().await;
    for db in [app.db.clone(), Db::connect_worker(&app.database_url, 2).await.unwrap()] {
        assert_eq!(tests::database::isolation(&db).await.unwrap(), "READ-COMMITTED");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_unique_job_is_not_doubled_and_a_running_one_runs_again() {
    let app = TestApp::start().await;
    let job = Probe { id: Uuid::now_v7(), act: Act::Sleep(700) };
    let first = put(&app, &job).await;
    assert_eq!(put(&app, &job).await, first, "still waiting: the same job");
    let worker = worker(&app).await;
    app.wait_for_state(first, &[State::Running]).await;
    assert_eq!(put(&app, &job).await, first, "running: the same job, once more");
    app.wait_for_state(first, &[State::Completed]).await;
    assert_eq!(runs_of(job.id).load(Ordering::SeqCst), 2);
    assert_ne!(put(&app, &job).await, first, "completed: the key is free");
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_retried_with_backoff_and_survive_a_restart() {
    let app = TestApp::start().await;
    let job = probe(Act::FailTimes(2));
    let id = put(&app, &job).await;
    let first = worker(&app).await;
    app.wait_for_state(id, &[State::Retryable]).await;
    first.stop().await;
    let second = worker(&app).await;
    let row = app.wait_for_state(id, &[State::Completed]).await;
    assert_eq!((row.failures, row.runs), (2, 3));
    assert_eq!(row.last_error.as_deref(), Some("told to fail"));
    second.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_keeps_failing_or_panicking_is_discarded_and_can_be_retried() {
    let app = TestApp::start().await;
    let worker = worker(&app).await;
    let failing = put(&app, &probe(Act::FailTimes(u32::MAX))).await;
    let panicking = put(&app, &probe(Act::Panic)).await;
    for id in [failing, panicking] {
        let row = app.wait_for_state(id, &[State::Discarded]).await;
        assert_eq!(row.failures, 3, "{row:?}");
    }
    assert!(ledger::get(&app.db, panicking).await.unwrap().unwrap().last_error.unwrap().contains("told to panic"));
    let mut tx = app.db.begin().await.unwrap();
    let done =
        ledger::operate(&mut tx, failing, ledger::Action::Retry, &ledger::By::system("a test")).await.unwrap().unwrap();
    assert_eq!(done.result, ledger::Operated::Done);
    tx.commit().await.unwrap();
    assert_eq!(app.wait_for_state(failing, &[State::Discarded]).await.runs, 6);
    worker.stop().await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_runs_that_burnt_nothing_the_last_two_hundred_are_kept() {
    let app = TestApp::start().await;
    let id = put(&app, &probe(Act::FailTimes(1))).await;
    // As if a service had been away for a day; the seventh run failed by the job's own fault.
    let past = "INSERT INTO job_attempts (job_id, run, outcome, error_class, finished_at)
                WITH RECURSIVE past AS (SELECT 1 AS run UNION ALL SELECT run + 1 FROM past WHERE run < 300)
                SELECT j.id, run, IF(run = 7, 'retry', 'snoozed'), IF(run = 7, 'failed', 'transient'), UTC_TIMESTAMP(6)
                FROM jobs j, past";
    database::execute(&app.db, past).await.unwrap();
    database::execute(&app.db, "UPDATE jobs SET runs = 300").await.unwrap();
    let worker = worker(&app).await;
    assert_eq!(app.wait_for_state(id, &[State::Completed]).await.runs, 302);
    let kept = database::number(&app.db, "SELECT COUNT(*) FROM job_attempts WHERE run > 7").await.unwrap();
    assert!((200..=201).contains(&kept), "{kept}");
    assert_eq!(database::number(&app.db, "SELECT CAST(MIN(run) AS SIGNED) FROM job_attempts").await.unwrap(), 7);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_kind_waits_without_a_run_for_a_worker_that_knows_it() {
    let app = TestApp::start().await;
    let id = put(&app, &FromTheFuture {}).await;
    let worker = worker(&app).await;
    let row = app.wait_for_state(id, &[State::Blocked]).await;
    assert_eq!((row.failures, row.runs), (0, 0), "nobody claimed it");
    assert!(attempts::by_job(&app.db, id).await.unwrap().is_empty());
    // Side by side, as in a rollout: the old worker leaves it to the new one.
    let newer = app.worker_with(ReviewPolicy::FlaggedOnly, jobs::registry().with::<FromTheFuture>()).await;
    assert_eq!(app.wait_for_state(id, &[State::Completed]).await.runs, 1);
    for _ in 0..20 {
        let id = put(&app, &FromTheFuture {}).await;
        assert_eq!(app.wait_for_state(id, &[State::Completed]).await.runs, 1, "the old worker took none");
    }
    worker.stop().await;
    newer.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_runs_once_after_all_children_however_they_race() {
    let app = TestApp::start().await;
    let worker = worker(&app).await;
    let mut parents = Vec::new();
    for _ in 0..20 {
        let parent = probe(Act::Succeed);
        let mut tx = app.db.begin().await.unwrap();
        let mut flow = Flow::new();
        for _ in 0..4 {
            flow = flow.child(&probe(Act::Succeed)).unwrap();
        }
        let id = flow.enqueue(&mut tx, &parent).await.unwrap();
        tx.commit().await.unwrap();
        parents.push((id, parent.id));
    }
    for (id, probe) in parents {
        app.wait_for_state(id, &[State::Completed]).await;
        assert_eq!(runs_of(probe).load(Ordering::SeqCst), 1);
    }
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_given_to_others_can_write_nothing() {
    let app = TestApp::start().await;
    let id = put(&app, &probe(Act::Succeed)).await;
    let worker = workers::NewWorker {
        id: Uuid::now_v7().into(),
        name: "paused".into(),
        version: "test".into(),
        queues: "maintenance".into(),
        slots: 1,
    };
    workers::register(&app.db, &worker).await.unwrap();
    let claimed = ledger::claim(&app.db, worker.id, vec![id]).await.unwrap().remove(0);
    workers::stop(&app.db, worker.id).await.unwrap();
    assert_eq!(queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, worker.id).await.unwrap(), 1);

    let ending = Ending {
        outcome: queue::ledger::history::attempts::Outcome::Retry,
        class: None,
        error: None,
        fingerprint: None,
        next: Next::Again { delay: Duration::ZERO, burnt: true },
    };
    assert!(matches!(ledger::finish(&app.db, &claimed.fence, None, true).await, Err(Fenced::Lost)));
    assert!(matches!(ledger::finish(&app.db, &claimed.fence, Some(&ending), false).await, Err(Fenced::Lost)));
    let row = ledger::get(&app.db, id).await.unwrap().unwrap();
    assert_eq!((row.state, row.failures, row.lost), (State::Available, 0, 1));
    assert!(ledger::claim(&app.db, worker.id, vec![id]).await.unwrap().is_empty(), "a stopped worker claims nothing");

    // The job itself is fine, and repeating a completion whose answer was lost is a success.
    let next = workers::NewWorker { id: Uuid::now_v7().into(), ..worker };
    workers::register(&app.db, &next).await.unwrap();
    let claimed = ledger::claim(&app.db, next.id, vec![id]).await.unwrap().remove(0);
    assert_eq!(claimed.fence.run, 2);
    ledger::finish(&app.db, &claimed.fence, None, false).await.unwrap();
    ledger::finish(&app.db, &claimed.fence, None, false).await.unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_lets_running_jobs_finish_and_takes_no_more() {
    let app = TestApp::start().await;
    let worker = worker(&app).await;
    let long = probe(Act::Sleep(1500));
    let id = put(&app, &long).await;
    // A claimed job whose handler has not begun would be handed back.
    while runs_of(long.id).load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stopping = tokio::spawn(worker.stop());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let late = put(&app, &probe(Act::Succeed)).await;
    stopping.await.unwrap();
    assert_eq!(ledger::get(&app.db, id).await.unwrap().unwrap().state, State::Completed);
    assert_eq!(ledger::get(&app.db, late).await.unwrap().unwrap().state, State::Available);
    let next = self::worker(&app).await;
    app.wait_for_state(late, &[State::Completed]).await;
    next.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_redis_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::start(folder.path().join("redis"), Role::Queue, 0).await.unwrap();
    let app = TestApp::start_with(Overrides { redis_queue_url: Some(server.url()), ..Overrides::default() }).await;
    let ids = {
        let mut ids = Vec::new();
        for _ in 0..50 {
            ids.push(put(&app, &probe(Act::Sleep(20))).await);
        }
        ids
    };
    let worker = worker(&app).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    }
    for id in ids {
        app.wait_for_state(id, &[State::Completed]).await;
    }
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_ids_not_payloads() {
    #[derive(Serialize, Deserialize)]
    struct Fat {
        text: String,
    }
    impl Job<Context> for Fat {
        const KIND: &'static str = "test_fat";
        const QUEUE: Queue = jobs::queues::MAINTENANCE;
        async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
            Ok(Outcome::Done)
        }
    }
    let app = TestApp::start().await;
    let mut tx = app.db.begin().await.unwrap();
    let error = enqueue(&mut tx, &Fat { text: "x".repeat(70_000) }).await.unwrap_err();
    assert!(error.to_string().contains("65536"), "{error}");
    tx.rollback().await.unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_schedulers_fire_a_tick_once() {
    let app = TestApp::start().await;
    let entries = queue::schedule::table::build(&jobs::KINDS.schedules(), "").unwrap();
    let replica = |name: &str| Scheduler::new(app.db.clone(), entries.clone(), name);
    let (mut a, mut b, mut c) = (replica("a"), replica("b"), replica("c"));
    // First seen now: nothing is due yet.
    for replica in [&mut a, &mut b, &mut c] {
        assert_eq!(replica.look().await.unwrap().fired, 0);
    }
    tests::database::set_back(&app.db, "expire_uploads", chrono::TimeDelta::hours(2)).await.unwrap();
    let fired = tokio::join!(a.look(), b.look(), c.look());
    let fired = [fired.0, fired.1, fired.2].map(|look| look.map_or(0, |look| look.fired));
    assert_eq!(fired.iter().sum::<usize>(), 1, "{fired:?}");
    assert_eq!(ledger::unfinished(&app.db).await.unwrap().len(), 1);
    let worker = app.worker().await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}
