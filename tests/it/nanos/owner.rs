//! A creator and the steps of their own upload: what went wrong, how long it may take, trying again, watching.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use domain::{
    ids::UserId,
    review::ReviewPolicy,
    user::{Role, UserStatus},
};
use infra::db::audit_log;
use jobs::{Context, MakeThumbnails, ReviewNano, ScanContent, ValidateArchive};
use queue::{
    Job, JobError, Outcome, Queue, Registry, Run, class,
    ids::JobId,
    ledger::{
        self, Action, By, State,
        controls::pauses::{self, Scope},
    },
};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::{
    TestApp, User,
    app::{AT_ONCE, PATIENCE},
    archives,
    client::answer,
    events::EventStream,
    snapshot::redacted,
};

/// Stands in for the check of an archive: it never gets anywhere.
#[derive(Serialize, Deserialize)]
struct Unwell(Value);

impl Job<Context> for Unwell {
    const KIND: &'static str = ValidateArchive::KIND;
    const QUEUE: Queue = jobs::queues::UPLOADS;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Err(JobError::discard_as(class::TIMEOUT, anyhow::anyhow!("password=hunter2: still not done")))
    }
}

/// Another: it fails, and is to be tried again.
#[derive(Serialize, Deserialize)]
struct Flaky(Value);

impl Job<Context> for Flaky {
    const KIND: &'static str = ValidateArchive::KIND;
    const QUEUE: Queue = jobs::queues::UPLOADS;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Err(JobError::failed(anyhow::anyhow!("not this time")))
    }
}

async fn submitted(app: &TestApp, creator: &User) -> (JobId, String) {
    creator.submit(app, "Mine", archives::unit()).await;
    let id = app.assert_enqueued::<ValidateArchive>(|job| job.0.creator_id.to_string() == creator.id).await;
    (id, format!("/api/v1/jobs/{id}"))
}

async fn act(app: &TestApp, id: JobId, action: Action) {
    let mut tx = app.db.begin().await.unwrap();
    ledger::operate(&mut tx, id, action, &By::system("a test")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

/// A step was stopped, so its flow's parent waits; then the nano goes, and with it all that waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_a_nano_that_was_deleted() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    let nano = creator.submit(&app, "Soon gone", archives::unit()).await;
    let id = app.assert_enqueued::<ValidateArchive>(|_| true).await;
    assert_eq!(app.run_one(id).await.state, State::Completed);
    let (scan, _) = app.enqueued::<ScanContent>().await.pop().unwrap();
    let (review, _) = app.enqueued::<ReviewNano>().await.pop().unwrap();
    let (thumbnails, _) = app.enqueued::<MakeThumbnails>().await.pop().unwrap();
    act(&app, scan, Action::Cancel).await;
    assert_eq!(ledger::get(&app.db, review).await.unwrap().unwrap().state, State::Waiting);

    let gone = creator.delete(&app, &format!("/api/v1/nanos/{nano}")).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    for job in [scan, thumbnails, review] {
        let row = ledger::get(&app.db, job).await.unwrap().unwrap();
        assert_eq!(row.state, State::Cancelled, "{row:?}");
    }
    app.run_all_due().await;
    let events = infra::db::nano_events::since(&app.db, nano.parse().unwrap(), 0, 100).await.unwrap();
    assert!(events.iter().all(|event| event.kind != "step_failed"), "nobody has to be told: {events:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_told_what_went_wrong_and_tries_again() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    let (id, path) = submitted(&app, &creator).await;
    let waiting = creator.get(&app, &path).await;
    insta::assert_json_snapshot!("waits_for_a_worker", redacted(waiting.data(StatusCode::OK)));

    let kit = app.kit_with(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Unwell>()).await;
    assert_eq!(kit.run_one(id).await.state, State::Discarded);
    let failed = creator.get(&app, &path).await;
    assert!(!failed.body.to_string().contains("hunter2"), "error texts are for operators");
    let view = redacted(failed.data(StatusCode::OK));
    insta::assert_json_snapshot!("given_up", json!([view["trouble"], view["retry"], view["waiting"], view["error"]]));
    let german = creator.request(&app, Method::GET, &path).header("accept-language", "de");
    let german = answer(german).await;
    assert_eq!(german.headers["content-language"], "de");
    assert!(german.data(StatusCode::OK)["trouble"]["text"].as_str().unwrap().starts_with("Der Schritt"));

    // Others do not even learn that it exists; moderators may look.
    let rival = app.creator("rival").await;
    for (method, tail) in
        [(Method::GET, ""), (Method::GET, "/events"), (Method::POST, "/retry"), (Method::POST, "/cancel")]
    {
        let refused = answer(rival.request(&app, method, &format!("{path}{tail}"))).await;
        assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{tail}");
    }
    let moderator = app.user("mod", Role::Moderator).await;
    let seen = moderator.get(&app, &path).await;
    assert_eq!(seen.data(StatusCode::OK)["retry"]["why_not"], "not_allowed");
    assert_eq!(
        moderator.post(&app, &format!("{path}/retry"), &json!({})).await.error(StatusCode::FORBIDDEN),
        "FORBIDDEN"
    );

    let flow = creator.post(&app, &format!("{path}/retry"), &json!({"flow": true})).await;
    assert_eq!(flow.error(StatusCode::FORBIDDEN), "FORBIDDEN", "whole flows are for operators");
    let retried = answer(creator.request(&app, Method::POST, &format!("{path}/retry"))).await;
    insta::assert_json_snapshot!("retried_by_its_owner", retried.snapshot());
    let again = creator.post(&app, &format!("{path}/retry"), &json!({})).await;
    assert_eq!(again.error(StatusCode::CONFLICT), "JOB_STATE");
    assert_eq!(again.body["error"]["details"], json!({"state": "available", "action": "retry"}));
    let (rows, _) = audit_log::page(
        &app.db,
        &audit_log::Filter { action: Some("job.retry".into()), ..audit_log::Filter::default() },
        0,
        10,
    )
    .await
    .unwrap();
    assert_eq!(rows.len(), 1, "what was refused is not written down");
    assert_eq!(rows[0].entry.actor_id.unwrap().to_string(), creator.id);
    assert_eq!(rows[0].entry.details["reason"], "asked for by its owner");
    assert_eq!(rows[0].entry.details["before"], json!({"state": "discarded"}));

    let row = app.run_one(id).await;
    assert_eq!((row.state, row.failures), (State::Completed, 0), "it runs with a clean slate");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_failed_steps_are_an_owners_and_not_too_often() {
    let app = TestApp::start().await;
    let creator = app.creator("eve").await;
    let (id, path) = submitted(&app, &creator).await;
    let post = async |tail: &str| creator.post(&app, &format!("{path}/{tail}"), &json!({"reason": "please"})).await;
    // It is on its way.
    for tail in ["retry", "cancel"] {
        assert_eq!(post(tail).await.error(StatusCode::CONFLICT), "JOB_STATE", "{tail}");
    }
    // It failed, and waits for its next attempt: its owner may give up waiting, or not wait.
    let kit = app.kit_with(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Flaky>()).await;
    assert_eq!(kit.run_one(id).await.state, State::Retryable);
    let view = creator.get(&app, &path).await;
    let view = view.data(StatusCode::OK);
    assert_eq!(view["trouble"]["code"], "tried_again");
    assert!(view["next_run_at"].is_string());
    assert_eq!(post("cancel").await.data(StatusCode::OK)["state"], "cancelled");
    assert_eq!(creator.get(&app, &path).await.data(StatusCode::OK)["trouble"]["code"], "cancelled");
    assert_eq!(post("retry").await.data(StatusCode::OK)["state"], "available");
    // 20 an hour, two of which are gone; refused ones do not count.
    for number in 2..20 {
        act(&app, id, Action::Discard).await;
        let done = post("retry").await;
        assert_eq!(done.status, StatusCode::OK, "{number}: {:#}", done.body);
        assert_eq!(done.headers["ratelimit-policy"], "\"own-jobs\";q=20;w=3600");
    }
    act(&app, id, Action::Discard).await;
    let limited = post("retry").await;
    assert_eq!(limited.error(StatusCode::TOO_MANY_REQUESTS), "RATE_LIMITED");
    assert!(limited.headers.contains_key("retry-after"));
    let row = ledger::get(&app.db, id).await.unwrap().unwrap();
    assert_eq!(row.state, State::Discarded, "nothing happened");

    // A job of theirs that is no step of an upload.
    let other = app.put(&Errand { owner: creator.id.parse().unwrap() }).await;
    act(&app, other, Action::Discard).await;
    let path = format!("/api/v1/jobs/{other}");
    assert_eq!(creator.get(&app, &path).await.data(StatusCode::OK)["retry"]["why_not"], "not_a_step");
    let refused = creator.post(&app, &format!("{path}/retry"), &json!({})).await;
    assert_eq!(refused.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    // Those who operate jobs have no such limits, and say why.
    let operator = app.user("op", Role::Operator).await;
    let silent = operator.post(&app, &format!("{path}/retry"), &json!({})).await;
    assert_eq!(silent.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(silent.body["error"]["details"]["fields"][0]["field"], "reason");
    let by_operator = operator.post(&app, &format!("{path}/retry"), &json!({"reason": "asked by phone"})).await;
    assert_eq!(by_operator.data(StatusCode::OK)["state"], "available");
    app.discard().await;
}

/// Somebody's work that they never see.
#[derive(Serialize, Deserialize)]
struct Errand {
    owner: UserId,
}

impl Job<Context> for Errand {
    const KIND: &'static str = "test_errand";
    const QUEUE: Queue = jobs::queues::UPLOADS;

    fn tenant(&self) -> Option<uuid::Uuid> {
        Some(self.owner.0)
    }

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_knows_its_place_and_honestly_when_it_may_begin() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.creator("ada").await, app.creator("bob").await);
    let (a, b): (UserId, UserId) = (ada.id.parse().unwrap(), bob.id.parse().unwrap());
    let registry = Registry::new(jobs::QUEUES).with::<Errand>();
    let waiting = async |user: &User, id: JobId| {
        let view = user.get(&app, &format!("/api/v1/jobs/{id}")).await;
        view.data(StatusCode::OK)["waiting"].clone()
    };
    // What the queue did lately is learnt from what it did.
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, registry.clone()).await;
    for _ in 0..40 {
        app.put(&Errand { owner: a }).await;
    }
    app.drained().await;
    let mut tx = app.db.begin().await.unwrap();
    pauses::pause(&mut tx, Scope::Queue, "uploads", "a test", None, None).await.unwrap();
    tx.commit().await.unwrap();
    // The workers hear of a pause within a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut mine = Vec::new();
    for _ in 0..30 {
        mine.push(app.put(&Errand { owner: a }).await);
    }
    let theirs = app.put(&Errand { owner: b }).await;
    let paused = waiting(&ada, mine[29]).await;
    let expected = json!({"place": 60, "own_place": 30, "tenants": 2, "estimate": null, "no_estimate": "paused"});
    assert_eq!(paused, expected);
    assert_eq!(waiting(&bob, theirs).await["own_place"], 1);

    // The rollups are written by the worker every few seconds.
    let started = Instant::now();
    let mut tx = app.db.begin().await.unwrap();
    pauses::resume(&mut tx, Scope::Queue, "uploads").await.unwrap();
    tx.commit().await.unwrap();
    let resumed = Instant::now();
    let standing = loop {
        let standing = waiting(&ada, mine[29]).await;
        if !standing["estimate"].is_null() || standing.is_null() {
            break standing;
        }
        assert_eq!(standing["no_estimate"], "too_few_runs", "{standing}");
        assert!(started.elapsed() < PATIENCE, "{standing}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let asked = Instant::now();
    while !ledger::get(&app.db, mine[29]).await.unwrap().unwrap().state.is_terminal() {
        assert!(resumed.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if !standing.is_null() {
        let waited = asked.elapsed();
        let seconds = |field: &str| Duration::from_secs(standing["estimate"][field].as_u64().unwrap());
        assert!(seconds("from_seconds") < seconds("to_seconds"), "{standing}");
        assert!(waited >= seconds("from_seconds").saturating_sub(Duration::from_secs(1)), "{waited:?} of {standing}");
        assert!(waited <= seconds("to_seconds") + AT_ONCE, "{waited:?} of {standing}");
    }
    app.drained().await;
    worker.stop().await;
    let alone = app.put(&Errand { owner: b }).await;
    assert_eq!(waiting(&bob, alone).await["no_estimate"], "no_worker");
    app.discard().await;
}

/// Tells how far it is, and ends when it is let go.
#[derive(Serialize, Deserialize)]
struct Steady(Value);

static LET_GO: AtomicBool = AtomicBool::new(false);

impl Job<Context> for Steady {
    const KIND: &'static str = ValidateArchive::KIND;
    const QUEUE: Queue = jobs::queues::UPLOADS;

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        run.progress(1, Some(2), "half of it");
        while !LET_GO.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        run.progress(2, Some(2), "all of it");
        Ok(Outcome::Done)
    }
}

async fn open(app: &TestApp, user: &User, job: &str, last: Option<&str>) -> EventStream {
    EventStream::open(app, user, &format!("{job}/events"), last).await
}

/// The next event's id and data; `None` at the stream's end.
async fn next(stream: &mut EventStream) -> Option<(String, Value)> {
    let event = stream.next().await?;
    assert_eq!(event.kind, "job");
    Some((event.id, event.data))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_stream_tells_every_change_once_and_ends_with_it() {
    let app = TestApp::start().await;
    let creator = app.creator("sse").await;
    let (_, path) = submitted(&app, &creator).await;
    let mut stream = open(&app, &creator, &path, None).await;
    let (first, data) = next(&mut stream).await.unwrap();
    assert_eq!((data["state"].as_str(), data["runs"].as_u64()), (Some("available"), Some(0)));
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Steady>()).await;
    let (middle, data) = loop {
        let (id, data) = next(&mut stream).await.unwrap();
        assert_eq!(data["state"], "running");
        if data["progress"]["note"] == "half of it" {
            break (id, data);
        }
    };
    assert_eq!(data["progress"]["done"], 1);
    drop(stream);
    // Comes back while nothing has changed: nothing is said twice.
    let mut resumed = open(&app, &creator, &path, Some(&middle)).await;
    let quiet = tokio::time::timeout(Duration::from_secs(2), next(&mut resumed)).await;
    assert!(quiet.is_err(), "{quiet:?}");
    LET_GO.store(true, Ordering::SeqCst);
    let (last, data) = loop {
        let (id, data) = next(&mut resumed).await.expect("the end is told before the stream ends");
        assert!(id != middle && id != first);
        if data["state"] == "completed" {
            break (id, data);
        }
    };
    assert!(data["finished_at"].is_string());
    assert!(next(&mut resumed).await.is_none(), "and then it ends");
    // Whoever was away meets the end, whoever has seen it is told not to come back.
    let mut late = open(&app, &creator, &path, Some(&middle)).await;
    assert_eq!(next(&mut late).await.map(|(id, _)| id), Some(last.clone()));
    assert!(next(&mut late).await.is_none());
    let seen = creator.request(&app, Method::GET, &format!("{path}/events")).header("last-event-id", &last);
    assert_eq!(answer(seen).await.status, StatusCode::NO_CONTENT);
    worker.stop().await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_stream_pings_and_ends_when_its_reader_may_no_longer_read() {
    let app = TestApp::start().await;
    let creator = app.creator("max").await;
    let (_, path) = submitted(&app, &creator).await;
    let leaving = app.login(&creator.email).await;
    let mut streams = [open(&app, &leaving, &path, None).await, open(&app, &creator, &path, None).await];
    for stream in &mut streams {
        next(stream).await.unwrap();
    }
    let left = answer(leaving.request(&app, Method::POST, "/api/v1/auth/logout")).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT);
    let [left, staying] = &mut streams;
    let started = Instant::now();
    assert!(next(left).await.is_none());
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    // Silence is broken every 25 s.
    staying.ping(Duration::from_secs(40)).await;
    tests::database::set_user_status(&app.db, creator.id.parse().unwrap(), UserStatus::Suspended).await.unwrap();
    assert!(next(staying).await.is_none());
    app.discard().await;
}
