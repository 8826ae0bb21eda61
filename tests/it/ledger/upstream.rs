//! One test for each defect of apalis-redis 1.0 that we met (`ARCHITECTURE.md`, "What apalis and apalis-redis are used
//! for"): ours does not have it.

mod note;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use db::Db;
use domain::review::ReviewPolicy;
use queue::{
    LedgerDays,
    builtin::PruneLedger,
    enqueue_in,
    ledger::{self, State, schedules, workers},
    schedule::Scheduler,
};
use secrecy::ExposeSecret;
use servers::redis::{RedisServer, Role};
use tests::{
    TestApp,
    app::{AT_ONCE, Overrides, PATIENCE},
    database,
};
use uuid::Uuid;

use note::{Act, Note, count, notes, pickup, put_all, starts, state, until, worker};

/// Upstream unpacks all due tasks in one script, and beyond about 7,990 it never gets any further.
#[tokio::test(flavor = "multi_thread")]
async fn defect_01_ten_thousand_jobs_due_at_once_do_not_wedge_the_queue() {
    const JOBS: u32 = 10_000;
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let mut tx = app.db.begin().await.unwrap();
    for job in notes(test, JOBS, Act::Nothing) {
        enqueue_in(&mut tx, &job, Duration::from_secs(1)).await.unwrap();
    }
    tx.commit().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let worker = worker(&app, 32).await;
    until("10,000 due jobs", Duration::from_secs(60), async || count(test) >= JOBS as usize).await;
    app.drained().await;
    let mut numbers: Vec<u32> = starts(test).into_iter().map(|(number, _)| number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..JOBS).collect::<Vec<_>>(), "each once");
    worker.stop().await;
    app.finish().await;
}

/// Upstream's pub/sub storage wakes on heartbeats only: 4.1 s at the median.
#[tokio::test(flavor = "multi_thread")]
async fn defect_02_a_pickup_waits_for_no_heartbeat() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let worker = worker(&app, 2).await;
    let mut pickups = Vec::new();
    for number in 0..15 {
        // At changing distances from any tick of a second.
        tokio::time::sleep(Duration::from_millis(150 + u64::from(number) * 17)).await;
        pickups.push(pickup(&app, test, number).await);
    }
    // The first may find the worker still starting.
    pickups.remove(0);
    pickups.sort_unstable();
    // A busy machine slows some of them down, a heartbeat all but one of sixteen.
    assert!(pickups[4] < Duration::from_millis(250), "the fastest third of {pickups:?}");
    assert!(pickups[13] < AT_ONCE, "{pickups:?}");
    worker.stop().await;
    app.finish().await;
}

/// Upstream's heartbeats starve while its buffer is full: six 3 s jobs ran 12 times on two workers.
#[tokio::test(flavor = "multi_thread")]
async fn defect_03_long_jobs_beside_a_full_buffer_run_once_on_two_workers() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    // Longer than a lease lasts without a heartbeat.
    let lease = Duration::from_secs(workers::LEASE_TICKS);
    let long = lease + Duration::from_secs(2);
    let mut all = notes(test, 2, Act::Sleep(long.as_millis() as u64));
    all.extend((2..200).map(|number| Note { test, number, act: Act::Nothing }));
    let ids = put_all(&app, &all).await;
    let (first, second) = (worker(&app, 1).await, worker(&app, 1).await);
    app.drained().await;
    assert_eq!(count(test), 200);
    for id in &ids[..2] {
        let row = ledger::get(&app.db, *id).await.unwrap().unwrap();
        assert_eq!((row.state, row.runs, row.lost), (State::Completed, 1, 0));
    }
    first.stop().await;
    second.stop().await;
    app.finish().await;
}

/// Any Redis error, and any answer later than 500 ms, ends upstream's worker and drops what it runs.
#[tokio::test(flavor = "multi_thread")]
async fn defect_04_redis_errors_and_late_answers_end_no_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = RedisServer::start(folder.path().join("redis"), Role::Queue, 0).await.unwrap();
    let app = TestApp::start_with(Overrides { redis_queue_url: Some(server.url()), ..Overrides::default() }).await;
    let test = Uuid::now_v7();
    let worker = worker(&app, 4).await;
    pickup(&app, test, 0).await;

    let running = put_all(&app, &[Note { test, number: 1, act: Act::Sleep(5_000) }]).await[0];
    until("the long job's start", PATIENCE, async || count(test) == 2).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("CLIENT").arg(&["PAUSE", "1500", "ALL"]).exec_async(&mut connection).await.unwrap();
    assert!(pickup(&app, test, 2).await < AT_ONCE, "while Redis answers late");

    server.kill().await.unwrap();
    assert!(pickup(&app, test, 3).await < AT_ONCE, "while Redis is away");
    server.resume().await.unwrap();
    assert!(pickup(&app, test, 4).await < AT_ONCE, "once it is back");

    assert!(worker.is_running());
    app.drained().await;
    let row = ledger::get(&app.db, running).await.unwrap().unwrap();
    assert_eq!((row.state, row.runs), (State::Completed, 1), "what ran went on");
    worker.stop().await;
    server.stop().await.unwrap();
    app.finish().await;
}

/// Upstream removes each task from a list by searching it: the longer the backlog, the slower each job.
#[tokio::test(flavor = "multi_thread")]
async fn defect_05_a_backlog_of_twenty_thousand_slows_no_job_down() {
    const BACKLOG: u32 = 20_000;
    const PART: usize = 3_000;
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    put_all(&app, &notes(test, BACKLOG, Act::Nothing)).await;
    let worker = worker(&app, 32).await;
    until("20,000 jobs", Duration::from_secs(80), async || count(test) >= BACKLOG as usize).await;
    app.drained().await;
    let starts: Vec<Instant> = starts(test).into_iter().map(|(_, began)| began).collect();
    assert_eq!(starts.len(), BACKLOG as usize, "each once");
    let rate = |from: usize| PART as f64 / (starts[from + PART - 1] - starts[from]).as_secs_f64();
    // The dispatcher needs a moment to find out how much the worker takes.
    let (long, short) = (rate(2_000), rate(BACKLOG as usize - PART - 500));
    assert!(long * 3.0 > short, "{long:.0} jobs/s at a backlog of 18,000, {short:.0} at one of 3,000");
    worker.stop().await;
    app.finish().await;
}

/// Upstream's idempotency keys without a TTL expire at once, and a duplicate is answered as if it were new.
#[tokio::test(flavor = "multi_thread")]
async fn defect_06_a_unique_key_holds_while_its_job_lives_and_answers_its_id() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let job = Note { test, number: 0, act: Act::Sleep(300) };
    let first = app.put(&job).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(app.put(&job).await, first, "it has waited longer than any default of a TTL");
    assert_eq!(put_all(&app, &[job.clone(), job.clone()]).await, [first, first], "in a batch, too");
    assert_eq!(app.enqueued::<Note>().await.len(), 1);
    let worker = worker(&app, 1).await;
    app.drained().await;
    assert_eq!(count(test), 1);
    assert_ne!(app.put(&job).await, first, "it has ended: the key is free");
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

/// Upstream acknowledges a task by storing its result: without stored results nothing is ever done.
#[tokio::test(flavor = "multi_thread")]
async fn defect_07_what_is_done_is_known_without_storing_results() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let ids = put_all(&app, &notes(test, 100, Act::Nothing)).await;
    let worker = worker(&app, 4).await;
    app.drained().await;
    worker.stop().await;
    for id in ids {
        assert_eq!(state(&app, id).await, State::Completed);
    }
    let second = self::worker(&app, 4).await;
    assert!(pickup(&app, test, 100).await < AT_ONCE);
    assert_eq!(count(test), 101, "a new worker finds nothing to repeat");
    app.drained().await;
    let mut connection = redis(&app).await;
    until("an empty Redis", PATIENCE, async || keys(&app, &mut connection).await.is_empty()).await;
    second.stop().await;
    app.finish().await;
}

async fn redis(app: &TestApp) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(app.redis.queue_url.expose_secret()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// The test's keys in Redis.
async fn keys(app: &TestApp, connection: &mut redis::aio::MultiplexedConnection) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("*{}*", app.redis.prefix)).query_async(connection).await.unwrap()
}

/// A payload that upstream cannot decode kills its worker.
#[tokio::test(flavor = "multi_thread")]
async fn defect_08_what_cannot_be_decoded_kills_no_worker() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let bad = app.put(&Note { test, number: 0, act: Act::Nothing }).await;
    database::replace_arguments(&app.db, bad, &serde_json::json!(["neither", { "shape": null }])).await.unwrap();
    // Its ticket is on the ready list by now, or soon; beside it, what no ticket looks like and one without a job.
    let mut connection = redis(&app).await;
    until("a ready list", PATIENCE, async || !keys(&app, &mut connection).await.is_empty()).await;
    let list = keys(&app, &mut connection).await.remove(0);
    let mut garbage = redis::cmd("ZADD");
    garbage.arg(&list).arg(-2).arg("neither a ticket nor text: \u{0}").arg(-1).arg(Uuid::now_v7().as_bytes());
    garbage.exec_async(&mut connection).await.unwrap();

    let worker = worker(&app, 1).await;
    until("the verdict", PATIENCE, async || state(&app, bad).await == State::Discarded).await;
    assert!(pickup(&app, test, 1).await < AT_ONCE);
    assert!(worker.is_running());
    let row = ledger::get(&app.db, bad).await.unwrap().unwrap();
    assert!(row.last_error.unwrap().contains("the stored arguments do not fit test_note version 1"));
    app.drained().await;
    worker.stop().await;
    app.discard().await;
}

/// Upstream stalls until its next heartbeat when it polls every 10 ms or faster.
#[tokio::test(flavor = "multi_thread")]
async fn defect_09_jobs_that_come_every_few_milliseconds_do_not_stall() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let worker = worker(&app, 4).await;
    pickup(&app, test, 0).await;
    let mut committed = Vec::new();
    for number in 1..=150 {
        app.put(&Note { test, number, act: Act::Nothing }).await;
        committed.push(Instant::now());
        tokio::time::sleep(Duration::from_millis(u64::from(number % 10))).await;
    }
    until("the last pickup", PATIENCE, async || count(test) == 151).await;
    let began: HashMap<u32, Instant> = starts(test).into_iter().collect();
    let waited =
        committed.iter().zip(1..).map(|(committed, number)| began[&number].saturating_duration_since(*committed));
    let longest = waited.max().unwrap();
    assert!(longest < AT_ONCE, "{longest:?}");
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

/// Upstream refuses a worker whose name was used in the last 30 s.
#[tokio::test(flavor = "multi_thread")]
async fn defect_10_a_worker_of_the_same_name_starts_at_once() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    // One of this name died without a word, and one still runs.
    let dead = workers::NewWorker {
        id: Uuid::now_v7().into(),
        name: "test".into(),
        version: "test".into(),
        queues: "maintenance".into(),
        slots: 1,
    };
    workers::register(&app.db, &dead).await.unwrap();
    let first = worker(&app, 1).await;
    pickup(&app, test, 0).await;
    let second = worker(&app, 1).await;
    first.stop().await;
    assert!(pickup(&app, test, 1).await < AT_ONCE);
    second.stop().await;
    let third = worker(&app, 1).await;
    assert!(pickup(&app, test, 2).await < AT_ONCE);
    assert!(third.is_running());
    app.drained().await;
    third.stop().await;
    app.finish().await;
}

/// Upstream always tries 25 times, as many seconds apart as tries were made, and forgets tries that crashed.
#[tokio::test(flavor = "multi_thread")]
async fn defect_11_retries_keep_their_number_and_delays_and_losses_are_counted() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let worker = worker(&app, 2).await;
    let id = put_all(&app, &[Note { test, number: 0, act: Act::FailTimes(u32::MAX) }]).await[0];
    until("giving up", PATIENCE, async || state(&app, id).await == State::Discarded).await;
    let began: Vec<Instant> = starts(test).into_iter().map(|(_, began)| began).collect();
    assert_eq!(began.len(), 3, "max_failures");
    // A second doubled each time, half of it random, and what a busy machine adds.
    for (pause, full) in began.windows(2).map(|pair| pair[1] - pair[0]).zip([1, 2].map(Duration::from_secs)) {
        assert!(pause >= full / 2 && pause < full + AT_ONCE, "{pause:?} for {full:?}");
    }
    worker.stop().await;

    // Lost with its worker, again and again: set aside in the end, although no run ever failed.
    let lost = app.put(&Note { test, number: 1, act: Act::Nothing }).await;
    let mut losses = 0;
    while state(&app, lost).await == State::Available {
        let worker = workers::NewWorker {
            id: Uuid::now_v7().into(),
            name: "doomed".into(),
            version: "test".into(),
            queues: "maintenance".into(),
            slots: 1,
        };
        workers::register(&app.db, &worker).await.unwrap();
        assert_eq!(ledger::claim(&app.db, worker.id, vec![lost]).await.unwrap().len(), 1);
        workers::stop(&app.db, worker.id).await.unwrap();
        assert_eq!(queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, worker.id).await.unwrap(), 1);
        losses += 1;
        assert!(losses <= 20, "nobody counts");
    }
    let row = ledger::get(&app.db, lost).await.unwrap().unwrap();
    assert_eq!((row.state, row.lost, row.failures), (State::Quarantined, losses, 0));
    app.discard().await;
}

/// Upstream keeps what is done for ever, and its vacuum deletes payloads that still wait for their retry.
#[tokio::test(flavor = "multi_thread")]
async fn defect_12_what_is_done_is_pruned_and_what_waits_for_its_retry_keeps_its_arguments() {
    let (app, test) = (TestApp::start().await, Uuid::now_v7());
    let registry = jobs::registry().with::<Note>();
    let kit = app
        .kit_with(ReviewPolicy::FlaggedOnly, registry)
        .await
        .with_settings(|settings| settings.ledger_days = LedgerDays::of(0));
    let done = put_all(&app, &notes(test, 50, Act::Nothing)).await;
    let waiting = app.put(&Note { test, number: 50, act: Act::FailTimes(1) }).await;
    kit.run_all_due().await;
    assert_eq!(state(&app, waiting).await, State::Retryable);

    let prune = app.put(&PruneLedger {}).await;
    assert_eq!(kit.run_one(prune).await.state, State::Completed);
    for id in done {
        assert!(ledger::get(&app.db, id).await.unwrap().is_none());
    }
    assert_eq!(app.enqueued::<Note>().await.len(), 1);
    until("the retry", PATIENCE, async || {
        kit.run_all_due().await;
        state(&app, waiting).await == State::Completed
    })
    .await;
    assert_eq!(count(test), 52, "50 done, one tried twice");
    app.finish().await;
}

/// Two replicas of apalis-cron fire every tick twice.
#[tokio::test(flavor = "multi_thread")]
async fn defect_13_two_schedulers_fire_each_tick_once() {
    let app = TestApp::start().await;
    let mut entries = queue::schedule::table::build(&jobs::KINDS.schedules(), "").unwrap();
    for entry in &mut entries {
        // A tick that comes just now starts its job just now, and not after the end of this test.
        entry.jitter = Duration::ZERO;
    }
    let other = Db::connect(&app.database_url, 5).await.unwrap();
    let mut first = Scheduler::new(app.db.clone(), entries.clone(), "first");
    let mut second = Scheduler::new(other.clone(), entries.clone(), "second");
    first.look().await.unwrap();
    for entry in &entries {
        tests::database::set_back(&app.db, &entry.name, chrono::TimeDelta::days(2)).await.unwrap();
    }
    let mut ticks = 0;
    // A replica that loses a race for locks finds the tick at its next look.
    for _ in 0..5 {
        let looks = tokio::join!(first.look(), second.look());
        ticks += looks.0.map_or(0, |look| look.fired) + looks.1.map_or(0, |look| look.fired);
    }
    other.close().await;
    let mut all = 0;
    for entry in &entries {
        let ticks = schedules::ticks(&app.db, &entry.name, 100).await.unwrap();
        let fired = ticks.iter().filter(|tick| tick.outcome == schedules::TickOutcome::Fired).count();
        // Those that do not catch up with the past fire only a tick of this very moment, if there is one.
        let least = usize::from(entry.catch_up != queue::schedule::table::CatchUp::Skip);
        assert!((least..=1).contains(&fired), "{}: {ticks:#?}", entry.name);
        all += fired;
    }
    assert_eq!(ticks, all, "what the replicas say they fired is what was fired");
    app.run_all_due().await;
    app.finish().await;
}
