//! `kill -9` of the worker in the middle of every step: after a restart the nano is published, once.

use std::time::{Duration, Instant};

use queue::ledger;
use reqwest::StatusCode;
use tests::{TestApp, User, archives};

/// Quick steps are over before the test sees them; the next upload gives another chance.
const CHANCES: u32 = 12;

/// The worker dies while a job of this kind runs.
async fn published_although_killed_in(kind: &str) {
    let app = TestApp::start().await;
    let creator = app.creator("kim").await;
    for chance in 1..=CHANCES {
        let title = format!("Killed {chance}.");
        let mut worker = app.worker_process(&format!("first-{chance}")).await;
        let nano = creator.submit(&app, &title, archives::unit_with(&[("long.txt", &long_text())])).await;
        let hit = running(&app, kind).await;
        worker.kill().await.unwrap();
        let mut second = app.worker_process(&format!("second-{chance}")).await;
        published_once(&app, &creator, &nano, &title).await;
        second.terminate(Duration::from_secs(20)).await.unwrap();
        if hit {
            return app.finish().await;
        }
    }
    panic!("no chance in {CHANCES} to kill the worker in {kind}");
}

/// Waits until a job of this kind runs; false when it was over before that was seen.
async fn running(app: &TestApp, kind: &str) -> bool {
    let started = Instant::now();
    let mut seen = false;
    loop {
        let of_kind: Vec<_> =
            ledger::unfinished(&app.db).await.unwrap().into_iter().filter(|job| job.kind == kind).collect();
        if of_kind.iter().any(|job| job.state == ledger::State::Running) {
            return true;
        }
        let is_waiting = !of_kind.is_empty();
        if (seen && !is_waiting) || ledger::unfinished(&app.db).await.unwrap().is_empty() {
            return false;
        }
        seen |= is_waiting;
        assert!(started.elapsed() < tests::app::PATIENCE, "{kind} never came");
    }
}

/// One version, one document, one announcement or one whose fate is known to be unknown.
async fn published_once(app: &TestApp, creator: &User, nano: &str, title: &str) {
    let view = app.wait_for_status(creator, nano, &["published", "rejected"]).await;
    assert_eq!(view["status"], "published", "{view:#}");
    app.drained().await;
    let versions = creator.get(app, &format!("/api/v1/nanos/{nano}/versions")).await;
    assert_eq!(versions.data(StatusCode::OK).as_array().unwrap().len(), 1);
    app.search.refresh().await.unwrap();
    let published = app.get("/api/v1/nanos").await;
    assert_eq!(published.body["meta"]["total"], app.search.count().await.unwrap(), "one document for each nano");
    let counts = tests::database::mails_by_state(&app.db).await.unwrap();
    let ambiguous = counts.iter().any(|(state, _)| state == "ambiguous");
    let mails = app.mail.messages().iter().filter(|mail| mail.subject.contains(title)).count();
    assert!(mails == 1 || (ambiguous && mails == 0), "{mails} mails, {counts:?}");
    let id = nano.parse().unwrap();
    let events = infra::db::nano_events::since(&app.db, id, 0, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "published").count(), 1);
    for job in app.jobs_of_nano(id).await.unwrap() {
        assert_eq!(job.failures, 0, "being lost with its process costs a job nothing: {job:?}");
    }
}

/// Enough text that a step takes a moment.
fn long_text() -> Vec<u8> {
    (0..60_000).map(|line| format!("Line {line}: a fraction is a part of a whole.\n")).collect::<String>().into_bytes()
}

macro_rules! killed_in {
    ($($step:ident),*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $step() {
            published_although_killed_in(stringify!($step)).await;
        }
    )*};
}

killed_in!(validate_archive, make_thumbnails, scan_content, review_nano, publish_nano, index_nano, send_email);

/// Killed after DATA was sent and before the server answered: nobody can tell, so nobody resends.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_unknown_fate_is_ambiguous_and_not_sent_again() {
    let app = TestApp::start().await;
    let creator = app.creator("amb").await;
    app.mail.stall_after_data(true);
    let mut worker = app.worker_process("first").await;
    let nano = creator.submit(&app, "Ambiguous", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    let started = Instant::now();
    while !tests::database::mails_by_state(&app.db).await.unwrap().iter().any(|(state, _)| state == "sending") {
        assert!(started.elapsed() < tests::app::PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // In the exchange: DATA goes out at once and the answer never comes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.kill().await.unwrap();
    app.mail.stall_after_data(false);

    let mut second = app.worker_process("second").await;
    app.drained().await;
    let counts = tests::database::mails_by_state(&app.db).await.unwrap();
    assert_eq!(counts, [("ambiguous".to_owned(), 1)]);
    assert!(app.mail.messages().len() <= 1);
    second.terminate(Duration::from_secs(20)).await.unwrap();
    app.finish().await;
}
