//! The scaling signal from the scheduler: a fleet can start from nothing.

use std::time::{Duration, Instant};

use queue::{
    enqueue_in,
    ledger::workers,
    watch::{QueueSignal, Thresholds, Watch},
};
use servers::processes::Process;
use tests::{TestApp, app::PATIENCE, database};

use super::{job, nothing_scheduled};
use crate::operators::metrics::{address, value};

const GRACE: Duration = Duration::from_secs(20);

/// The gauges of the queue `maintenance`, from whichever of these tells them.
async fn told(addresses: &[&String]) -> Vec<(f64, f64, f64)> {
    let mut told = Vec::new();
    for address in addresses {
        // One that has only just started, or was killed, does not listen.
        let Ok(answer) = reqwest::get(format!("http://{address}/metrics")).await else { continue };
        let text = answer.text().await.expect("text");
        let of = |name: &str| value(&text, name, &["queue=\"maintenance\""]);
        let (backlog, age) = (of("queue_backlog_jobs"), of("queue_oldest_job_age_seconds"));
        if let (Some(backlog), Some(age), Some(workers)) = (backlog, age, of("queue_workers")) {
            told.push((backlog, age, workers));
        }
    }
    told
}

async fn until(addresses: &[&String], limit: Duration, wanted: impl Fn(f64, f64, f64) -> bool) -> Duration {
    let started = Instant::now();
    loop {
        let told = told(addresses).await;
        if told.iter().any(|&(backlog, age, workers)| wanted(backlog, age, workers)) {
            return started.elapsed();
        }
        assert!(started.elapsed() < limit, "backlog, age and workers: {told:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// No worker has ever lived: a scheduler says what waits, goes on when the one that did is killed, and says the
/// same as the workers once there are some.
#[tokio::test(flavor = "multi_thread")]
async fn without_any_worker_schedulers_tell_what_waits() {
    let app = TestApp::start().await;
    let (of_first, of_second) = (address(), address());
    let table = nothing_scheduled();
    let start = async |name: &str, metrics: &str| -> Process {
        app.scheduler_process(name, &[("METRICS_ADDR", metrics), ("CRON_TABLE", &table)]).await
    };
    let mut first = start("first", &of_first).await;
    until(&[&of_first], PATIENCE, |backlog, age, workers| (backlog, age, workers) == (0.0, 0.0, 0.0)).await;
    let mut second = start("second", &of_second).await;
    app.put(&job("one")).await;
    let both = [&of_first, &of_second];
    until(&both, PATIENCE, |backlog, age, workers| backlog == 1.0 && age > 0.0 && workers == 0.0).await;
    assert_eq!(told(&both).await.len(), 1, "one of the two has the watch");

    first.kill().await.unwrap();
    app.put(&job("two")).await;
    until(&[&of_second], PATIENCE, |backlog, age, workers| backlog == 2.0 && age > 2.0 && workers == 0.0).await;

    let mut worker = app.worker_process_with("worker", &[("WORKER_QUEUES", "maintenance=2")]).await;
    until(&[&of_second], PATIENCE, |backlog, _, workers| (backlog, workers) == (0.0, 1.0)).await;
    worker.kill().await.unwrap();
    // Nobody is left to mark it dead; it is by its silence that it does not count.
    until(&[&of_second], PATIENCE, |_, _, workers| workers == 0.0).await;
    second.terminate(GRACE).await.unwrap();
    app.finish().await;
}

/// What nobody makes available and what dead workers have left behind are backlog, or a fleet of no workers would never start.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_worker_would_set_going_is_backlog() {
    let app = TestApp::start().await;
    let mut watch = Watch::new(app.db.clone(), jobs::QUEUES.all, Vec::new(), Thresholds::default(), Vec::new());
    let mut measure = async || -> QueueSignal {
        let signals = watch.measure().await.unwrap();
        assert_eq!(signals.len(), jobs::QUEUES.all.len());
        signals.into_iter().find(|signal| signal.queue == "maintenance").unwrap()
    };
    // Due for a minute, as the jobs of schedules with a jitter are.
    let mut tx = app.db.begin().await.unwrap();
    let due = enqueue_in(&mut tx, &job("due"), Duration::from_secs(3600)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(measure().await.backlog, 0, "its time has not come");
    let back = "UPDATE jobs SET run_at = UTC_TIMESTAMP(6) - INTERVAL 60 SECOND WHERE state = 'scheduled'";
    database::execute(&app.db, back).await.unwrap();
    let signal = measure().await;
    assert_eq!((signal.backlog, signal.workers), (1, 0));
    assert!((60.0..90.0).contains(&signal.oldest_seconds.unwrap()), "{signal:?}");

    // The worker that runs it lives, then only finishes, then is dead.
    let worker = app.enrol("here", "uploads,maintenance").await;
    let run = format!("UPDATE jobs SET state = 'running', worker_id = X'{}'", worker.0.simple());
    database::execute(&app.db, &run).await.unwrap();
    let signal = measure().await;
    assert_eq!((signal.backlog, signal.running, signal.workers), (0, 1, 1));
    workers::drain(&app.db, worker).await.unwrap();
    let signal = measure().await;
    assert_eq!((signal.backlog, signal.running, signal.workers), (0, 1, 0), "it is looked after");
    database::execute(&app.db, "UPDATE workers SET seen_at = UTC_TIMESTAMP(6) - INTERVAL 20 SECOND").await.unwrap();
    let signal = measure().await;
    assert_eq!((signal.backlog, signal.running, signal.workers), (1, 1, 0), "nobody looks after {due}");
    app.discard().await;
}
