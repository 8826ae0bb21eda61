//! Liveness: heartbeats, dead and hanging workers, and the rescue of their jobs.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use db::Db;
use domain::review::ReviewPolicy;
use jobs::{Context, RemoveObject};
use queue::{
    Job, JobError, Outcome, Queue, Registry, Run, enqueue,
    ids::{JobId, WorkerId},
    ledger::{self, State, leases, stats::error_groups, workers},
};
use serde::{Deserialize, Serialize};
use tests::{TestApp, database};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

async fn register_worker(db: &Db) -> WorkerId {
    let worker = workers::NewWorker {
        id: Uuid::now_v7().into(),
        name: "test".into(),
        version: "test".into(),
        queues: jobs::QUEUES.names().join(","),
        slots: 1,
    };
    workers::register(db, &worker).await.unwrap();
    worker.id
}

async fn put<J: Job<Context>>(app: &TestApp, job: &J) -> JobId {
    let mut tx = app.db.begin().await.unwrap();
    let id = enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_lost_twenty_times_is_set_aside_and_can_be_retried() {
    let app = TestApp::start().await;
    let id = put(&app, &RemoveObject { key: "uploads/none.zip".into() }).await;
    for lost in 1..=20 {
        let worker = register_worker(&app.db).await;
        assert_eq!(ledger::claim(&app.db, worker, vec![id]).await.unwrap().len(), 1);
        workers::stop(&app.db, worker).await.unwrap();
        assert_eq!(workers::dead_with_jobs(&app.db).await.unwrap(), [worker]);
        assert_eq!(queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, worker).await.unwrap(), 1);
        let row = ledger::get(&app.db, id).await.unwrap().unwrap();
        assert_eq!((row.lost, row.failures), (lost, 0));
        assert_eq!(row.state, if lost < 20 { State::Available } else { State::Quarantined });
    }
    let (groups, _) = error_groups::page(&app.db, &error_groups::Filter::default(), None, 50).await.unwrap();
    let [group] = groups.as_slice() else { panic!("one cause: {groups:?}") };
    assert_eq!((group.kind.as_str(), group.class.as_str(), group.failures), (RemoveObject::KIND, "lost", 1));
    assert_eq!((group.last_job, group.open.count), (id, 1));
    let mut tx = app.db.begin().await.unwrap();
    let done =
        ledger::operate(&mut tx, id, ledger::Action::Retry, &ledger::By::system("a test")).await.unwrap().unwrap();
    assert_eq!(done.result, ledger::Operated::Done);
    tx.commit().await.unwrap();
    let worker = app.worker().await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

/// A hundred idle workers ask next to nothing; what they leave to one of them, another takes over.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_at_rest_leaves_the_clock_to_others_and_sees_when_nobody_moves_it() {
    let app = TestApp::start().await;
    let worker = register_worker(&app.db).await;
    let own = Db::connect(&app.database_url, 1).await.unwrap();
    let mut heartbeat = workers::Heartbeat::new(own, worker);
    let clock = async || database::number(&app.db, "SELECT CAST(tick AS SIGNED) FROM queue_clock").await.unwrap();
    let before = clock().await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert!(heartbeat.beat(None, true).await.unwrap());
    assert_eq!(clock().await, before, "at rest");
    assert!(leases::hold(&app.db, worker, &[]).await.unwrap().clock_stands_still);
    workers::tick(&app.db).await.unwrap();
    assert_eq!(clock().await, before + 1);
    assert!(!leases::hold(&app.db, worker, &[]).await.unwrap().clock_stands_still);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(heartbeat.beat(None, false).await.unwrap());
    assert_eq!(clock().await, before + 2, "at work");
    heartbeat.end().await;

    // Two workers with nothing to do: the one that leads is killed, and the other one finds a job of a third that died.
    let mut first = app.worker_process("first").await;
    let mut second = app.worker_process("second").await;
    let dead = register_worker(&app.db).await;
    let held = put(&app, &RemoveObject { key: "uploads/none.zip".into() }).await;
    first.kill().await.unwrap();
    let began = Instant::now();
    let lost = ledger::claim(&app.db, dead, vec![held]).await.unwrap().len();
    app.wait_for_state(held, &[State::Completed]).await;
    let row = ledger::get(&app.db, held).await.unwrap().unwrap();
    assert_eq!(row.lost as usize, lost, "{row:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert!(second.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
}

/// Making a backlog available takes seconds, and rescuing does not wait for its end.
#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_dead_worker_come_back_while_two_hundred_thousand_others_fall_due() {
    let app = TestApp::start().await;
    let dead = register_worker(&app.db).await;
    let held = put(&app, &RemoveObject { key: "uploads/none.zip".into() }).await;
    assert_eq!(ledger::claim(&app.db, dead, vec![held]).await.unwrap().len(), 1);
    // Two hundred joined with fifty. Tables of the server that have as many rows are not read while other tests create theirs.
    let due = "INSERT INTO jobs (id, kind, args_version, queue, tenant, state, max_failures, run_at, created_at)
               WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 200)
               SELECT RANDOM_BYTES(16), 'test_due', 1, 'bulk', UNHEX(REPEAT('00', 16)), 'scheduled', 1,
                      UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)
               FROM n JOIN n AS m ON m.i <= 50";
    // In pieces, and without the deadline that other statements have: setting the stage takes as long as it takes.
    for _ in 0..20 {
        sqlx::query(due).execute(app.db.unlimited()).await.unwrap();
    }
    let count = async |state: &str| {
        let sql = format!("SELECT CAST(COUNT(*) AS SIGNED) FROM jobs WHERE kind = 'test_due' AND state = '{state}'");
        database::number(&app.db, &sql).await.unwrap()
    };
    assert_eq!(count("scheduled").await, 200_000);

    // It runs neither the one nor the others.
    let mut worker = app.worker_process_with("rescuer", &[("WORKER_QUEUES", "search=1")]).await;
    while count("available").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    workers::stop(&app.db, dead).await.unwrap();
    app.wait_for_state(held, &[State::Available]).await;
    let waiting = count("scheduled").await;
    assert!(waiting > 0, "the rescue came after all others");
    assert_eq!(ledger::get(&app.db, held).await.unwrap().unwrap().lost, 1);
    while count("scheduled").await > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_clock_moves_at_most_once_a_second_whoever_beats() {
    let app = TestApp::start().await;
    let first = register_worker(&app.db).await;
    let own = Db::connect(&app.database_url, 1).await.unwrap();
    let started = Instant::now();
    // Both have a session at the server; the second is silent from now on, as a paused process is.
    let paused = Db::connect(&app.database_url, 1).await.unwrap();
    let second = register_worker(&app.db).await;
    assert!(workers::heartbeat(&paused, second, None).await.unwrap());
    for _ in 0..20 {
        assert!(workers::heartbeat(&own, first, None).await.unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A second has not made it dead, however often the first beat.
    assert!(started.elapsed() < Duration::from_secs(workers::GONE_TICKS), "the machine is too slow for this test");
    assert_eq!(workers::mark_dead(&app.db).await.unwrap(), 0);
    until_one_is_marked_dead(&app, &own, first).await;
    assert!(started.elapsed() >= Duration::from_secs(workers::LEASE_TICKS), "{:?}", started.elapsed());
    assert!(!workers::heartbeat(&paused, second, None).await.unwrap(), "a dead one learns it");
    assert!(workers::heartbeat(&own, first, None).await.unwrap());

    // A killed process has no session any more, and needs not be waited for that long.
    let killed = Db::connect(&app.database_url, 1).await.unwrap();
    let third = register_worker(&app.db).await;
    assert!(workers::heartbeat(&killed, third, None).await.unwrap());
    killed.close().await;
    let ticks = until_one_is_marked_dead(&app, &own, first).await;
    assert!((workers::GONE_TICKS..workers::LEASE_TICKS).contains(&ticks), "{ticks}");
    app.discard().await;
}

/// Statements that waited for the clock's row see a time behind their own: that is no clock set back.
#[tokio::test(flavor = "multi_thread")]
async fn the_queue_clock_moves_at_most_once_a_second_also_when_heartbeats_wait_for_each_other() {
    let app = TestApp::start().await;
    let (first, started) = (tick(&app).await, Instant::now());
    for _ in 0..3 {
        let mut tx = app.db.begin().await.unwrap();
        sqlx::query("SELECT tick FROM queue_clock WHERE id = 1 FOR UPDATE").fetch_one(&mut *tx).await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (db, worker) = (Db::connect(&app.database_url, 1).await.unwrap(), register_worker(&app.db).await);
            waiting.spawn(async move {
                workers::heartbeat(&db, worker, None).await.unwrap();
                db.close().await;
            });
            // Each began to wait at another time.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        tx.commit().await.unwrap();
        waiting.join_all().await;
    }
    let (ticks, seconds) = (tick(&app).await - first, started.elapsed().as_secs());
    assert!(ticks <= seconds + 1, "{ticks} ticks in {seconds} s");
    app.discard().await;
}

/// The queue's clock.
async fn tick(app: &TestApp) -> u64 {
    let tick = tests::database::number(&app.db, "SELECT CAST(tick AS SIGNED) FROM queue_clock").await.unwrap();
    u64::try_from(tick).unwrap()
}

/// Waits until another worker has been found dead, while `alive` beats; how many ticks that took.
async fn until_one_is_marked_dead(app: &TestApp, own: &Db, alive: WorkerId) -> u64 {
    let (first, since) = (tick(app).await, Instant::now());
    while workers::mark_dead(&app.db).await.unwrap() == 0 {
        assert!(workers::heartbeat(own, alive, None).await.unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(since.elapsed() < tests::app::PATIENCE);
    }
    tick(app).await - first
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_was_lost_is_handed_back() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let running = loop {
        let list = workers::list(&app.db).await.unwrap();
        if let Some(worker) = list.first() {
            break worker.id;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // As if the worker had claimed it: the row is taken in its name, and it never heard of that. When it was faster and
    // took the job itself, the next one gives another chance.
    let job = RemoveObject { key: "uploads/none.zip".into() };
    let id = loop {
        let mut tx = app.db.begin().await.unwrap();
        let id = queue::enqueue_in(&mut tx, &job, Duration::from_secs(3600)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = app.db.begin().await.unwrap();
        ledger::operate(&mut tx, id, ledger::Action::Retry, &ledger::By::system("now")).await.unwrap();
        tx.commit().await.unwrap();
        if ledger::claim(&app.db, running, vec![id]).await.unwrap().len() == 1 {
            break id;
        }
    };
    let row = app.wait_for_state(id, &[State::Completed]).await;
    assert_eq!((row.runs, row.failures, row.lost), (2, 0, 0), "{row:?}");
    worker.stop().await;
    app.finish().await;
}

/// Holds its thread in its first run, as code does that never awaits.
#[derive(Serialize, Deserialize)]
struct Hog {}

static HOGGED: AtomicU32 = AtomicU32::new(0);

impl Job<Context> for Hog {
    const KIND: &'static str = "test_hog";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        if run.number() == 1 {
            std::thread::sleep(Duration::from_secs(workers::LEASE_TICKS + 15));
            HOGGED.fetch_add(1, Ordering::SeqCst);
        }
        Ok(Outcome::DoneIn(context.db.begin().await?))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_runtime_hangs_loses_its_jobs_and_its_late_writes_are_refused() {
    let app = TestApp::start().await;
    let id = put(&app, &Hog {}).await;
    let hanging = app.prepared_worker(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Hog>()).await;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    // One thread for everything, the hog included; only the heartbeat has its own.
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(hanging.run(stopped)).unwrap();
    });
    app.wait_for_state(id, &[State::Running]).await;
    let healthy = app.worker_with(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Hog>()).await;
    let row = app.wait_for_state(id, &[State::Completed]).await;
    assert_eq!((row.runs, row.lost, row.failures), (2, 1, 0), "{row:?}");
    assert_eq!(HOGGED.load(Ordering::SeqCst), 0, "the first run hangs still");

    let started = Instant::now();
    while HOGGED.load(Ordering::SeqCst) == 0 {
        assert!(started.elapsed() < tests::app::PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It found itself given up and started over under a new name; its late completion changed nothing.
    let started = Instant::now();
    while workers::list(&app.db).await.unwrap().len() < 3 {
        assert!(started.elapsed() < tests::app::PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = ledger::get(&app.db, id).await.unwrap().unwrap();
    assert_eq!((after.state, after.runs, after.finished_at), (State::Completed, 2, row.finished_at));
    stop.cancel();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    healthy.stop().await;
    app.finish().await;
}
