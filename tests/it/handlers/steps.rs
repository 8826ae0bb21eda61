//! One test per job of the marketplace: what its run writes, and what it enqueues next. No worker runs beside it.

use chrono::TimeDelta;
use db::clock::Clock;
use infra::db::nano_events;
use jobs::{
    ExpireUploads, IndexNano, MakeThumbnails, PublishNano, RemoveObject, ReviewNano, ScanContent, SendEmail,
    ValidateArchive,
};
use queue::{
    LedgerDays,
    builtin::{PruneLedger, TellGivenUp},
    enqueue_in,
    ids::JobId,
    ledger::{
        self, State,
        history::logs::{self, Level, LogLine},
    },
};
use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, User, app::Overrides, archives};

/// A creator who has handed in an archive, and the job that checks it.
async fn submitted(app: &TestApp, archive: Vec<u8>) -> (User, String, JobId) {
    let creator = app.creator("stella").await;
    let nano = creator.submit(app, "Steps", archive).await;
    let id = app.assert_enqueued::<ValidateArchive>(|job| job.0.nano_id.to_string() == nano).await;
    (creator, nano, id)
}

/// Runs a job that has to succeed.
async fn completed(app: &TestApp, id: JobId) {
    let row = app.run_one(id).await;
    assert_eq!((row.state, row.failures), (State::Completed, 0), "{row:#?}");
}

/// The only line of this text that the job left.
async fn line(app: &TestApp, id: JobId, message: &str) -> LogLine {
    let lines = logs::by_job(&app.db, id).await.unwrap();
    let mut found: Vec<LogLine> =
        lines.iter().filter(|(_, line)| line.message == message).map(|(_, line)| line.clone()).collect();
    assert_eq!(found.len(), 1, "{message:?} in {lines:#?}");
    found.remove(0)
}

async fn events(app: &TestApp, nano: &str) -> Vec<String> {
    let events = nano_events::since(&app.db, nano.parse().unwrap(), 0, 100).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_archive_stores_the_canonical_archive_and_starts_the_checks() {
    let app = TestApp::start().await;
    let (_, nano, id) = submitted(&app, archives::unit()).await;
    completed(&app, id).await;

    let canonical: Vec<String> = app.objects().await.into_iter().filter(|key| key.starts_with("nanos/")).collect();
    assert_eq!(canonical.len(), 1);
    assert!(events(&app, &nano).await.contains(&"validated".into()));
    let accepted = line(&app, id, "accepted").await;
    assert_eq!((accepted.level, &accepted.fields.unwrap()["entries"]), (Level::Info, &json!(3)));

    app.assert_enqueued::<MakeThumbnails>(|_| true).await;
    app.assert_enqueued::<ScanContent>(|_| true).await;
    let join = app.assert_enqueued::<ReviewNano>(|_| true).await;
    assert_eq!(ledger::get(&app.db, join).await.unwrap().unwrap().state, State::Waiting, "for both checks");
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_archive_turns_a_bad_archive_down_with_a_mail_and_removes_it() {
    let app = TestApp::start().await;
    let (_, nano, id) = submitted(&app, b"no archive at all".to_vec()).await;
    completed(&app, id).await;

    assert!(events(&app, &nano).await.contains(&"rejected".into()));
    let down = line(&app, id, "turned down").await;
    assert_eq!(down.level, Level::Warn);
    assert!(!down.fields.unwrap()["codes"].as_array().unwrap().is_empty());
    assert!(app.enqueued::<MakeThumbnails>().await.is_empty());
    app.assert_enqueued::<RemoveObject>(|job| job.key.starts_with("uploads/")).await;
    app.assert_enqueued::<SendEmail>(|job| job.user_id.is_some()).await;
    app.run_all_due().await;
    assert_eq!(app.objects().await, Vec::<String>::new());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_release_the_review_once_both_are_done() {
    let app = TestApp::start().await;
    let (_, nano, id) = submitted(&app, archives::unit()).await;
    completed(&app, id).await;
    let review = app.assert_enqueued::<ReviewNano>(|_| true).await;

    let thumbnails = app.assert_enqueued::<MakeThumbnails>(|_| true).await;
    completed(&app, thumbnails).await;
    assert_eq!(app.objects().await.iter().filter(|key| key.ends_with(".webp")).count(), 3);
    let pictured = line(&app, thumbnails, "pictured").await;
    assert_eq!(pictured.fields.unwrap()["source"], "cover.png");
    assert_eq!(ledger::get(&app.db, review).await.unwrap().unwrap().state, State::Waiting, "for the scan");

    let scan = app.assert_enqueued::<ScanContent>(|_| true).await;
    completed(&app, scan).await;
    assert_eq!(line(&app, scan, "scanned").await.fields.unwrap()["findings"], 0);
    assert!(events(&app, &nano).await.contains(&"scanned".into()));

    completed(&app, review).await;
    assert!(events(&app, &nano).await.contains(&"approved".into()));
    app.assert_enqueued::<PublishNano>(|job| job.0.nano_id.to_string() == nano).await;
    app.run_all_due().await;
    app.finish().await;
}

/// What the public reads of a nano before its content.
#[tokio::test(flavor = "multi_thread")]
async fn title_and_description_are_scanned_like_the_content() {
    let app = TestApp::start().await;
    let creator = app.creator("kim").await;
    let nano = creator.submit(&app, "Fragen? Ruf an: +49 171 2345678", archives::unit()).await;
    app.run_all_due().await;
    assert_eq!(
        app.wait_for_status(&creator, &nano, &["pending_review", "published"]).await["status"],
        "pending_review"
    );
    let answer = creator.get(&app, &format!("/api/v1/nanos/{nano}/versions/1")).await;
    let finding = &answer.data(StatusCode::OK)["scan"]["findings"][0];
    assert_eq!((&finding["entry"], &finding["rule"]), (&json!("title"), &json!("contact_phone")), "{finding:#}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_indexes_and_announces() {
    let app = TestApp::start().await;
    let (creator, nano, id) = submitted(&app, archives::unit()).await;
    completed(&app, id).await;
    for id in [
        app.assert_enqueued::<MakeThumbnails>(|_| true).await,
        app.assert_enqueued::<ScanContent>(|_| true).await,
        app.assert_enqueued::<ReviewNano>(|_| true).await,
    ] {
        completed(&app, id).await;
    }
    let publish = app.assert_enqueued::<PublishNano>(|_| true).await;
    completed(&app, publish).await;
    assert_eq!(app.wait_for_status(&creator, &nano, &["published"]).await["status"], "published");
    let index = app.assert_enqueued::<IndexNano>(|job| job.nano_id.to_string() == nano).await;
    let mail = app.assert_enqueued::<SendEmail>(|_| true).await;
    assert_eq!(app.search.count().await.unwrap(), 0);

    completed(&app, index).await;
    app.search.refresh().await.unwrap();
    assert_eq!(app.search.count().await.unwrap(), 1);

    completed(&app, mail).await;
    assert_eq!(app.mail.messages().len(), 1);
    assert_eq!(tests::database::mails_by_state(&app.db).await.unwrap(), [("sent".to_owned(), 1)]);
    let sent = line(&app, mail, "the mail was handed to the mail server").await;
    assert!(!format!("{sent:?}").contains('@'), "a log line names nobody: {sent:?}");
    assert!(app.run_all_due().await.is_empty(), "nothing comes after it");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_not_finished_in_a_day_expires_and_is_removed() {
    let clock = Clock::manual(Clock::System.now());
    let app = TestApp::start_with(Overrides { clock, ..Overrides::default() }).await;
    let creator = app.creator("late").await;
    let nano = creator.draft(&app, "Never finished").await;
    creator.upload(&app, &nano, archives::unit()).await;
    assert_eq!(app.objects().await.len(), 1);

    let early = app.put(&ExpireUploads {}).await;
    completed(&app, early).await;
    assert!(app.enqueued::<RemoveObject>().await.is_empty(), "a day has not passed");

    app.advance(TimeDelta::hours(domain::upload::EXPIRES_HOURS + 1));
    let expire = app.put(&ExpireUploads {}).await;
    completed(&app, expire).await;
    assert_eq!(line(&app, expire, "let go of unfinished uploads").await.fields.unwrap()["uploads"], 1);
    let remove = app.assert_enqueued::<RemoveObject>(|job| job.key.starts_with("uploads/")).await;
    completed(&app, remove).await;
    assert_eq!(app.objects().await, Vec::<String>::new());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_takes_ended_jobs_with_their_lines_and_leaves_what_waits() {
    let app = TestApp::start().await;
    let (_, _, ended) = submitted(&app, b"no archive at all".to_vec()).await;
    let lost = app.put(&RemoveObject { key: "not/../a key".into() }).await;
    assert_eq!(app.run_one(lost).await.state, State::Discarded);
    app.run_all_due().await;
    assert!(!logs::by_job(&app.db, ended).await.unwrap().is_empty());
    let mut tx = app.db.begin().await.unwrap();
    let later = RemoveObject { key: "uploads/later.zip".into() };
    let waiting = enqueue_in(&mut tx, &later, std::time::Duration::from_secs(3600)).await.unwrap();
    tx.commit().await.unwrap();

    let kit = app.kit().await.clone().with_settings(|settings| settings.ledger_days = LedgerDays::of(0));
    let prune = app.put(&PruneLedger {}).await;
    assert_eq!(kit.run_one(prune).await.state, State::Completed);
    for id in [ended, lost] {
        assert!(ledger::get(&app.db, id).await.unwrap().is_none());
        assert!(logs::by_job(&app.db, id).await.unwrap().is_empty());
    }
    let left = app.enqueued::<RemoveObject>().await;
    assert_eq!(left.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [waiting], "what waits keeps its arguments");

    let mut tx = app.db.begin().await.unwrap();
    ledger::operate(&mut tx, waiting, ledger::Action::Retry, &ledger::By::system("now")).await.unwrap();
    tx.commit().await.unwrap();
    completed(&app, waiting).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tell_given_up_tells_the_creator_of_a_step_that_was_cancelled_while_it_waited() {
    let app = TestApp::start().await;
    let (_, nano, check) = submitted(&app, archives::unit()).await;
    let by = ledger::By::system("the machine is taken away");
    let mut tx = app.db.begin().await.unwrap();
    queue::control::act::operate(&mut tx, &jobs::KINDS, check, ledger::Action::Cancel, &by).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!events(&app, &nano).await.contains(&"step_failed".into()));
    let tell = app.assert_enqueued::<TellGivenUp>(|tell| tell.job == check && tell.reason == by.reason).await;
    completed(&app, tell).await;
    assert_eq!(events(&app, &nano).await.iter().filter(|kind| *kind == "step_failed").count(), 1);

    // Retried before the word gets round, there is nothing to tell.
    let mut tx = app.db.begin().await.unwrap();
    queue::control::act::operate(&mut tx, &jobs::KINDS, check, ledger::Action::Retry, &by).await.unwrap();
    queue::control::act::operate(&mut tx, &jobs::KINDS, check, ledger::Action::Discard, &by).await.unwrap();
    queue::control::act::operate(&mut tx, &jobs::KINDS, check, ledger::Action::Retry, &by).await.unwrap();
    tx.commit().await.unwrap();
    let tell = app.assert_enqueued::<TellGivenUp>(|tell| tell.job == check).await;
    completed(&app, tell).await;
    assert_eq!(events(&app, &nano).await.iter().filter(|kind| *kind == "step_failed").count(), 1);
    app.run_all_due().await;
    app.finish().await;
}
