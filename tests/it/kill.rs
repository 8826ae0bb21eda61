//! `kill -9` of the worker in the middle of every step: after a restart the nano is published, once.

use std::time::{Duration, Instant};

use infra::db::{email_deliveries, jobs};
use reqwest::StatusCode;
use tests::{TestApp, archives};

/// The worker dies as soon as a job of this kind runs.
async fn published_although_killed_in(kind: &str) {
    let app = TestApp::start().await;
    let creator = app.creator("kim").await;
    let mut worker = app.worker_process("first").await;
    let nano = creator.submit(&app, "Killed", archives::unit_with(&[("long.txt", &long_text())])).await;

    let started = Instant::now();
    let hit = loop {
        let running = jobs::of_nano(&app.db, nano.parse().unwrap()).await.unwrap();
        let all = if kind == "send_email" { jobs::unfinished(&app.db).await.unwrap() } else { running };
        if all.iter().any(|job| job.kind == kind && job.state == jobs::State::Running) {
            break true;
        }
        let over = all.iter().any(|job| job.kind == kind && job.state.is_terminal());
        if over || started.elapsed() > tests::app::PATIENCE {
            break false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    worker.kill().await.unwrap();
    eprintln!("{kind}: {}", if hit { "killed while it ran" } else { "killed after it ran" });

    let mut second = app.worker_process("second").await;
    let view = app.wait_for_status(&creator, &nano, &["published", "rejected"]).await;
    assert_eq!(view["status"], "published", "{view:#}");
    app.drained().await;

    // Once: one version, one document, one announcement or one whose fate is known to be unknown.
    let versions = creator.get(&app, &format!("/api/v1/nanos/{nano}/versions")).await;
    assert_eq!(versions.data(StatusCode::OK).as_array().unwrap().len(), 1);
    app.search.refresh().await.unwrap();
    assert_eq!(app.search.count().await.unwrap(), 1);
    let counts = email_deliveries::counts(&app.db).await.unwrap();
    let ambiguous = counts.iter().any(|(state, count)| state == "ambiguous" && *count == 1);
    let mails = app.mail.messages().len();
    assert!(mails == 1 || (ambiguous && mails == 0), "{mails} mails, {counts:?}");
    let events = infra::db::nano_events::since(&app.db, nano.parse().unwrap(), 0, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "published").count(), 1);
    for job in jobs::of_nano(&app.db, nano.parse().unwrap()).await.unwrap() {
        assert_eq!(job.failures, 0, "being lost with its process costs a job nothing: {job:?}");
    }
    second.terminate(Duration::from_secs(20)).await.unwrap();
    app.finish().await;
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
    while !email_deliveries::counts(&app.db).await.unwrap().iter().any(|(state, _)| state == "sending") {
        assert!(started.elapsed() < tests::app::PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // In the exchange: DATA goes out at once and the answer never comes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.kill().await.unwrap();
    app.mail.stall_after_data(false);

    let mut second = app.worker_process("second").await;
    app.drained().await;
    let counts = email_deliveries::counts(&app.db).await.unwrap();
    assert_eq!(counts, [("ambiguous".to_owned(), 1)]);
    assert!(app.mail.messages().len() <= 1);
    second.terminate(Duration::from_secs(20)).await.unwrap();
    app.finish().await;
}
