//! A service that goes away: steps wait, and go on by themselves when it is back.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use domain::review::ReviewPolicy;
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, Run,
    ledger::{
        self, State,
        controls::pauses::{self, Scope},
        workers,
    },
};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use servers::{
    database::DatabaseServer,
    redis::{RedisServer, Role},
};
use tests::{TestApp, app::Overrides, archives};

/// Long enough for a step to have met the outage, more than once.
const OUTAGE: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn storage_away_the_check_waits() {
    let mut app = TestApp::start().await;
    let creator = app.creator("sam").await;
    let nano = creator.submit(&app, "No store", archives::unit()).await;
    app.s3.stop().await;
    let worker = app.worker().await;
    tokio::time::sleep(OUTAGE).await;
    let waiting = app.jobs_of_nano(nano.parse().unwrap()).await.unwrap();
    assert!(waiting.iter().all(|job| !job.state.is_terminal() && job.failures == 0), "{waiting:?}");

    app.s3.resume().await.unwrap();
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_away_the_announcement_waits() {
    let mut app = TestApp::start().await;
    app.mail.stop().await;
    let worker = app.worker().await;
    let creator = app.creator("mia").await;
    let nano = creator.submit(&app, "No mail", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    tokio::time::sleep(OUTAGE).await;
    assert_eq!(ledger::unfinished(&app.db).await.unwrap().len(), 1, "only the mail waits");

    app.mail.resume().await.unwrap();
    app.drained().await;
    assert_eq!(app.mail.messages().len(), 1);
    worker.stop().await;
    app.finish().await;
}

static SERVICE_IS_BACK: AtomicBool = AtomicBool::new(false);

/// Needs a service.
#[derive(Serialize, Deserialize)]
struct Dependent {}

impl Job<Context> for Dependent {
    const KIND: &'static str = "test_dependent";
    const QUEUE: Queue = jobs::queues::SEARCH;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        if SERVICE_IS_BACK.load(Ordering::SeqCst) {
            return Ok(Outcome::Done);
        }
        Err(JobError::Transient(anyhow::anyhow!("the weather service does not answer")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_whose_service_is_away_is_paused_with_the_reason_and_goes_on_by_itself() {
    let app = TestApp::start().await;
    let jobs: Vec<_> = (0..200).map(|_| Dependent {}).collect();
    let mut tx = app.db.begin().await.unwrap();
    let ids = queue::enqueue_all(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Dependent>()).await;
    let since = Instant::now();
    let pause = loop {
        if let Some(pause) = pauses::list(&app.db).await.unwrap().pop() {
            break pause;
        }
        assert!(since.elapsed() < tests::app::PATIENCE, "no pause");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((pause.scope, pause.name.as_str(), pause.actor), (Scope::Kind, Dependent::KIND, None));
    assert!(pause.reason.contains("the weather service does not answer"), "{}", pause.reason);
    assert!(pause.expires_at.is_some());
    SERVICE_IS_BACK.store(true, Ordering::SeqCst);
    app.drained().await;
    for id in ids {
        let row = ledger::get(&app.db, id).await.unwrap().unwrap();
        assert_eq!((row.state, row.failures), (State::Completed, 0));
    }
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_redis_away_jobs_still_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start(folder.path().join("redis"), Role::Queue, 0).await.unwrap();
    let app = TestApp::start_with(Overrides { redis_queue_url: Some(redis.url()), ..Overrides::default() }).await;
    let worker = app.worker().await;
    let creator = app.creator("red").await;
    let first = creator.submit(&app, "With Redis", archives::unit()).await;
    app.wait_for_status(&creator, &first, &["published"]).await;

    redis.kill().await.unwrap();
    let ready = app.get("/ready").await;
    assert_eq!((&ready.body["status"], &ready.body["queue"]), (&json!("degraded"), &json!("away")), "{ready:?}");
    assert_eq!(ready.body["workers"], 1);
    let second = creator.submit(&app, "Without Redis", archives::unit()).await;
    app.wait_for_status(&creator, &second, &["published"]).await;

    redis.resume().await.unwrap();
    let third = creator.submit(&app, "With Redis again", archives::unit()).await;
    app.wait_for_status(&creator, &third, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    redis.stop().await.unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn database_away_no_worker_ends_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = DatabaseServer::start(folder.path(), 0).await.unwrap();
    let server = Overrides { database_server_url: Some(database.url()), ..Overrides::default() };
    let app = TestApp::start_with(server).await;
    let mut worker = app.worker_process("through-the-outage").await;
    let creator = app.creator("dba").await;
    let first = creator.submit(&app, "Before", archives::unit()).await;
    app.wait_for_status(&creator, &first, &["published"]).await;
    let second = creator.submit(&app, "In the middle", archives::unit()).await;
    let alive_before = workers::alive(&app.db).await.unwrap();

    database.kill().await.unwrap();
    let ready = app.get("/ready").await;
    assert_eq!((ready.status, &ready.body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    // Longer than a lease: no worker may be marked dead for it.
    tokio::time::sleep(Duration::from_secs(workers::LEASE_TICKS + 4)).await;
    assert!(worker.exited().is_none(), "{}", worker.log_tail(20));
    database.resume().await.unwrap();

    app.wait_for_status(&creator, &second, &["published"]).await;
    app.drained().await;
    assert_eq!((alive_before, workers::alive(&app.db).await.unwrap()), (1, 1));
    for job in app.jobs_of_nano(second.parse().unwrap()).await.unwrap() {
        assert_eq!((job.failures, job.lost), (0, 0), "{job:?}");
    }
    worker.terminate(Duration::from_secs(20)).await.unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_redis_away_the_site_still_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start(folder.path().join("redis"), Role::Cache, 0).await.unwrap();
    let app = TestApp::start_with(Overrides { redis_cache_url: Some(redis.url()), ..Overrides::default() }).await;
    redis.kill().await.unwrap();
    let worker = app.worker().await;
    let creator = app.creator("cas").await;
    let nano = creator.submit(&app, "Without a cache", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waiting_for_a_service_has_burnt_no_attempt() {
    let mut app = TestApp::start().await;
    app.mail.stop().await;
    let worker = app.worker().await;
    let creator = app.creator("wes").await;
    let nano = creator.submit(&app, "Waiting", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    tokio::time::sleep(OUTAGE).await;
    let waiting = ledger::unfinished(&app.db).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert!(matches!(waiting[0].state, State::Scheduled | State::Running | State::Available), "{waiting:?}");
    assert_eq!(waiting[0].failures, 0);
    assert!(waiting[0].runs > 1);
    app.mail.resume().await.unwrap();
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_away_indexing_waits() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("sea").await;
    let first = creator.submit(&app, "Indexed before", archives::unit()).await;
    app.wait_for_status(&creator, &first, &["published"]).await;
    app.drained().await;

    let (index, away) = (app.folder.path().join("search"), app.folder.path().join("search-away"));
    std::fs::rename(&index, &away).unwrap();
    std::fs::write(&index, "a file where the index was").unwrap();
    let second = creator.submit(&app, "Published meanwhile", archives::unit()).await;
    app.wait_for_status(&creator, &second, &["published"]).await;
    tokio::time::sleep(OUTAGE).await;
    let waiting = ledger::unfinished(&app.db).await.unwrap();
    assert!(waiting.iter().all(|job| job.kind == "index_nano" && job.failures == 0), "{waiting:?}");
    assert!(!waiting.is_empty(), "indexing waits for the index");

    std::fs::remove_file(&index).unwrap();
    std::fs::rename(&away, &index).unwrap();
    app.drained().await;
    app.search.refresh().await.unwrap();
    assert_eq!(app.search.count().await.unwrap(), 2);
    worker.stop().await;
    app.finish().await;
}
