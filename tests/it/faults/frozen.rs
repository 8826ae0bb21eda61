//! Connections to the database that fall silent without an end, as when a host dies or a NAT forgets them. New ones work:
//! everybody must give the old ones up, and go on.

use std::time::{Duration, Instant};

use queue::ledger::{State, workers};
use reqwest::StatusCode;
use servers::proxy::Proxy;
use tests::{TestApp, archives};
use url::Url;

/// A proxy before the test's database, and the address through it.
async fn proxied(app: &TestApp) -> (Proxy, String) {
    let mut url: Url = app.database_url.parse().unwrap();
    let proxy = Proxy::start(url.port().unwrap()).await.unwrap();
    url.set_port(Some(proxy.port())).unwrap();
    (proxy, url.to_string())
}

/// After this, everybody has given up the silent connections and goes on: the deadline of a statement, and a look after it.
const RECOVERED: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_goes_on_and_hears_sigterm() {
    let app = TestApp::start().await;
    let (proxy, url) = proxied(&app).await;
    let mut worker = app.worker_process_with("frozen", &[("DATABASE_URL", &url)]).await;
    let creator = app.creator("fred").await;
    let first = creator.submit(&app, "Before", archives::unit()).await;
    app.wait_for_status(&creator, &first, &["published"]).await;
    for round in 0..2 {
        let nano = creator.submit(&app, &format!("Frozen {round}"), archives::unit()).await;
        let id = nano.parse().unwrap();
        // In the middle of its steps, and at rest.
        tokio::time::sleep(Duration::from_millis(150 * (1 + round))).await;
        assert!(proxy.freeze() > 0);
        let frozen = Instant::now();
        app.wait_for_status(&creator, &nano, &["published"]).await;
        app.drained().await;
        assert!(frozen.elapsed() < RECOVERED, "{:?}", frozen.elapsed());
        for job in app.jobs_of_nano(id).await.unwrap() {
            assert_eq!((job.state, job.failures), (State::Completed, 0), "{job:?}");
        }
    }
    assert_eq!(workers::alive(&app.db).await.unwrap(), 1);
    proxy.freeze();
    let asked = Instant::now();
    assert!(worker.terminate(RECOVERED).await.unwrap().success(), "{}", worker.log_tail(20));
    assert!(asked.elapsed() < RECOVERED, "{:?}", asked.elapsed());
    app.drained().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_goes_on_and_hears_sigterm() {
    let app = TestApp::start().await;
    let (proxy, url) = proxied(&app).await;
    let table = "expire_uploads=* * * * * * Europe/Berlin jitter=0 missed=all:100";
    let settings = [("DATABASE_URL", url.as_str()), ("CRON_TABLE", table)];
    let mut scheduler = app.scheduler_process("frozen", &settings).await;
    let newest = async || queue::ledger::schedules::ticks(&app.db, "expire_uploads", 1).await.unwrap().pop();
    let started = Instant::now();
    while newest().await.is_none() {
        assert!(started.elapsed() < RECOVERED, "the scheduler does not tick");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(proxy.freeze() > 0);
    let (frozen, last) = (Instant::now(), newest().await.unwrap().due);
    while newest().await.unwrap().due <= last + chrono::TimeDelta::seconds(2) {
        assert!(frozen.elapsed() < RECOVERED, "no tick since the connections froze");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    proxy.freeze();
    assert!(scheduler.terminate(RECOVERED).await.unwrap().success(), "{}", scheduler.log_tail(20));
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_answers_again() {
    let mut app = TestApp::start().await;
    let (proxy, url) = proxied(&app).await;
    // What was kept would be answered without the database.
    let settings = [("DATABASE_URL", url.as_str()), ("ANSWERS_KEPT_FOR", "0s")];
    let api = app.api_process("frozen", &settings).await;
    assert_eq!(app.get("/api/v1/nanos").await.status, StatusCode::OK);
    assert!(proxy.freeze() > 0);
    let frozen = Instant::now();
    while app.get("/api/v1/nanos").await.status != StatusCode::OK {
        assert!(frozen.elapsed() < RECOVERED, "no answer since the connections froze");
    }
    drop(api);
    app.finish().await;
}
