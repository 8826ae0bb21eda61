//! Statistics of runs and groups of failures: every run counted once, by however many workers.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use db::DbError;
use domain::review::ReviewPolicy;
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, RetryPolicy, Run,
    ids::JobId,
    ledger::{
        self as ledger,
        list::Fingerprint,
        stats::{
            counts::{self, What},
            error_groups, errors, histogram, series,
        },
    },
};
use serde::{Deserialize, Serialize};
use tests::{
    TestApp,
    app::{AT_ONCE, PATIENCE},
};

fn recent() -> series::Filter {
    let now = Utc::now();
    series::Filter { since: now - TimeDelta::hours(1), until: now + TimeDelta::hours(1), ..series::Filter::default() }
}

/// Tries again as the collector does: what was written has been taken out. The lock races that were lost.
macro_rules! written {
    ($write:expr) => {{
        let mut races = 0;
        loop {
            match $write.await {
                Ok(()) => break races,
                Err(DbError::Deadlock(_)) => races += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_lose_nothing_and_do_not_wait_for_each_other_in_a_circle() {
    const WRITERS: u64 = 16;
    const ROUNDS: u64 = 40;
    let app = TestApp::start().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let db = app.db.clone();
        writers.spawn(async move {
            let mut races = 0_u32;
            for round in 0..ROUNDS {
                // Not the same rows each time, but always many of the others'.
                let kinds = (0..12).filter(|kind| (kind + writer + round) % 3 != 0);
                let mut outcomes = BTreeMap::new();
                let mut durations = BTreeMap::new();
                let mut groups = BTreeMap::new();
                for kind in kinds {
                    let name = format!("kind_{kind}");
                    outcomes.insert(("mail".to_owned(), name.clone(), "completed".to_owned()), 2);
                    for bucket in 0..8 {
                        durations.insert(("mail".to_owned(), name.clone(), What::Run, bucket), 1);
                    }
                    let failures = errors::Failures {
                        kind: name,
                        class: "failed".into(),
                        message: format!("Fehler größer als {writer} 💥"),
                        failures: 3,
                        last_job: JobId::new(),
                    };
                    groups.insert(Fingerprint((u128::from(kind) << 64).to_be_bytes()), failures);
                }
                races += written!(counts::add_outcomes(&db, &mut outcomes));
                races += written!(counts::add_durations(&db, &mut durations));
                races += written!(errors::add(&db, "1.2.3", &mut groups));
                assert!(outcomes.is_empty() && durations.is_empty() && groups.is_empty());
            }
            races
        });
    }
    let races: u32 = writers.join_all().await.into_iter().sum();
    // In any three rounds a writer leaves out each kind once.
    let expected: u64 = (0..WRITERS)
        .flat_map(|writer| {
            (0..ROUNDS).flat_map(move |round| (0..12).filter(move |kind| (kind + writer + round) % 3 != 0))
        })
        .count() as u64;
    let runs: u64 = series::by_queue(&app.db, &recent()).await.unwrap().iter().map(|row| row.runs).sum();
    assert_eq!(runs, expected * 2);
    let timed: u64 = series::durations(&app.db, &recent()).await.unwrap().iter().map(|row| row.runs).sum();
    assert_eq!(timed, expected * 8);
    let filter = error_groups::Filter::default();
    let (groups, total) = error_groups::page(&app.db, &filter, None, 50).await.unwrap();
    assert_eq!((total.count, groups.iter().map(|group| group.failures).sum::<u64>()), (12, expected * 3));
    assert!(
        groups.iter().all(|group| group.message.starts_with("Fehler größer") && group.first_seen <= group.last_seen)
    );
    assert!(races <= 3, "{races} lock races in {} writes", WRITERS * ROUNDS * 3);
    app.finish().await;
}

#[tokio::test]
async fn a_batch_larger_than_a_statement_is_written_whole() {
    let app = TestApp::start().await;
    let mut outcomes: counts::Outcomes =
        (0..1_201).map(|n| (("search".to_owned(), format!("kind_{n:04}"), "completed".to_owned()), 1)).collect();
    counts::add_outcomes(&app.db, &mut outcomes).await.unwrap();
    assert!(outcomes.is_empty());
    let ended = series::by_queue(&app.db, &recent()).await.unwrap();
    assert_eq!(ended.iter().map(|row| row.runs).sum::<u64>(), 1_201);
    app.finish().await;
}

/// Fails twice, with a number in the message that differs each time.
#[derive(Debug, Serialize, Deserialize)]
struct Third {
    id: u32,
}

impl Job<Context> for Third {
    const KIND: &'static str = "third_time";
    const QUEUE: Queue = jobs::queues::SEARCH;
    const RETRY: RetryPolicy =
        RetryPolicy { max_failures: 5, base: Duration::from_millis(1), max: Duration::from_millis(2) };

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        tokio::time::sleep(Duration::from_millis(12)).await;
        if run.number() < 3 {
            return Err(JobError::failed_as(
                "smtp",
                anyhow::anyhow!("attempt {} of {} was refused", run.number(), self.id),
            ));
        }
        Ok(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_counts_every_run_and_groups_failures_of_one_cause() {
    let app = TestApp::start().await;
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Third>()).await;
    for id in 0..20 {
        app.put(&Third { id }).await;
    }
    app.drained().await;
    // What has not been written yet is written at its end.
    worker.stop().await;
    let ended = series::by_queue(&app.db, &recent()).await.unwrap();
    let of = |outcome: &str| ended.iter().filter(|row| row.outcome == outcome).map(|row| row.runs).sum::<u64>();
    assert_eq!((of("retry"), of("completed"), ended.iter().map(|row| row.runs).sum::<u64>()), (40, 20, 60));
    let durations = series::durations(&app.db, &recent()).await.unwrap();
    let runs: Vec<(u8, u64)> =
        durations.iter().filter(|row| row.what == "run").map(|row| (row.bucket, row.runs)).collect();
    assert_eq!(runs.iter().map(|(_, runs)| runs).sum::<u64>(), 60);
    assert_eq!(durations.iter().filter(|row| row.what == "wait").map(|row| row.runs).sum::<u64>(), 60);
    let median = histogram::percentile(&runs, 0.5).unwrap();
    assert!(median > Duration::from_millis(8) && median < AT_ONCE, "{median:?}");
    let (groups, _) = error_groups::page(&app.db, &error_groups::Filter::default(), None, 50).await.unwrap();
    assert_eq!(groups.len(), 1, "{groups:#?}");
    let group = &groups[0];
    assert_eq!((group.kind.as_str(), group.class.as_str(), group.failures), ("third_time", "smtp", 40));
    assert!(group.message.contains("was refused"), "{}", group.message);
    assert_eq!((group.first_version.as_str(), group.last_version.as_str()), ("test", "test"));
    assert!(ledger::get(&app.db, group.last_job).await.unwrap().is_some());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_under_way_when_a_worker_stops_is_waited_for() {
    const WAITING: &str = "SELECT COUNT(*) FROM information_schema.processlist
                           WHERE db = DATABASE() AND info LIKE 'INSERT INTO job_stats%'";
    let app = TestApp::start().await;
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Third>()).await;
    let mut session = app.db.pool().acquire().await.unwrap();
    sqlx::raw_sql("LOCK TABLES job_stats WRITE").execute(&mut session).await.unwrap();
    app.put(&Third { id: 1 }).await;
    app.drained().await;
    let started = Instant::now();
    while tests::database::number(&app.db, WAITING).await.unwrap() == 0 {
        assert!(started.elapsed() < PATIENCE, "nothing is written");
        // The server ends sessions that say nothing.
        sqlx::raw_sql("DO 0").execute(&mut session).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let stopping = tokio::spawn(worker.stop());
    tokio::time::sleep(Duration::from_millis(500)).await;
    sqlx::raw_sql("UNLOCK TABLES").execute(&mut session).await.unwrap();
    stopping.await.unwrap();
    drop(session);
    let ended = series::by_queue(&app.db, &recent()).await.unwrap();
    assert_eq!(ended.iter().map(|row| row.runs).sum::<u64>(), 3, "{ended:#?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_cannot_be_written_hold_up_no_job() {
    let app = TestApp::start().await;
    let fleet = app.prepared_worker(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Third>()).await;
    tests::database::rename(&app.db, "job_stats", "job_stats_away").await.unwrap();
    tests::database::rename(&app.db, "job_errors", "job_errors_away").await.unwrap();
    let worker = tests::fleet::Worker::start(fleet);
    app.put(&Third { id: 1 }).await;
    app.drained().await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    app.put(&Third { id: 2 }).await;
    app.drained().await;
    worker.stop().await;
    tests::database::rename(&app.db, "job_stats_away", "job_stats").await.unwrap();
    let durations = series::durations(&app.db, &recent()).await.unwrap();
    let runs: u64 = durations.iter().filter(|row| row.what == "run").map(|row| row.runs).sum();
    assert_eq!(runs, 6, "what can be written is");
    app.finish().await;
}
