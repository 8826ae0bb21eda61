//! Operators control the fleet through the API: what they ask for happens, what makes no sense is refused by name.

use std::{
    collections::HashMap,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::Utc;
use domain::{review::ReviewPolicy, user::Role};
use jobs::Context;
use queue::{
    Flow, Job, JobError, Outcome, Queue, RetryPolicy, Run,
    builtin::PruneLedger,
    ids::JobId,
    ledger::{self, JobRow, State, schedules},
};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, app::AT_ONCE, client::answer, fleet::Worker, snapshot::redacted};
use uuid::Uuid;

/// Ends at once.
#[derive(Serialize, Deserialize)]
struct Quick {}

impl Job<Context> for Quick {
    const KIND: &'static str = "test_operate_quick";
    const QUEUE: Queue = jobs::queues::MEDIA;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

/// Works until it is asked to stop, and notes when it was.
#[derive(Serialize, Deserialize)]
struct Endless {}

static STOPPED: LazyLock<Mutex<HashMap<JobId, Instant>>> = LazyLock::new(Default::default);

impl Job<Context> for Endless {
    const KIND: &'static str = "test_operate_endless";
    const QUEUE: Queue = jobs::queues::SEARCH;

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        let (job, stop) = (run.job(), run.cancelled().clone());
        // On a task of its own: the handler itself is dropped when it is cancelled.
        tokio::spawn(async move {
            stop.cancelled().await;
            STOPPED.lock().unwrap().insert(job, Instant::now());
        });
        std::future::pending().await
    }
}

/// A part of a flow that fails until its cause is mended.
#[derive(Serialize, Deserialize)]
struct Part {
    flow: Uuid,
    broken: bool,
}

static MENDED: LazyLock<Mutex<HashMap<Uuid, bool>>> = LazyLock::new(Default::default);

impl Job<Context> for Part {
    const KIND: &'static str = "test_operate_part";
    const QUEUE: Queue = jobs::queues::MEDIA;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 1, ..RetryPolicy::DEFAULT };

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        if self.broken && !MENDED.lock().unwrap().contains_key(&self.flow) {
            return Err(JobError::failed(anyhow::anyhow!("broken")));
        }
        Ok(Outcome::Done)
    }
}

/// Counts how many of it run at a time.
#[derive(Serialize, Deserialize)]
struct Counted {}

static NOW: AtomicU32 = AtomicU32::new(0);
static MOST: AtomicU32 = AtomicU32::new(0);

impl Job<Context> for Counted {
    const KIND: &'static str = "test_operate_counted";
    const QUEUE: Queue = jobs::queues::MAIL;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(150)).await;
        NOW.fetch_sub(1, Ordering::SeqCst);
        Ok(Outcome::Done)
    }
}

async fn worker(app: &TestApp) -> Worker {
    let registry = jobs::registry().with::<Quick>().with::<Endless>().with::<Part>().with::<Counted>();
    app.worker_with(ReviewPolicy::FlaggedOnly, registry).await
}

async fn row(app: &TestApp, id: JobId) -> JobRow {
    ledger::get(&app.db, id).await.unwrap().expect("the job exists")
}

async fn control(app: &TestApp, user: &User, path: &str, body: Value) -> Answer {
    user.post(app, &format!("/api/v1/admin/jobs/{path}"), &body).await
}

/// The bad fields of a refusal.
fn fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    let list = answer.body["error"]["details"]["fields"].as_array().unwrap();
    list.iter()
        .map(|field| format!("{} {}", field["field"].as_str().unwrap(), field["code"].as_str().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_of_a_paused_queue_or_kind_until_it_goes_on() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let worker = worker(&app).await;
    let first = app.put(&Quick {}).await;
    app.wait_for_state(first, &[State::Completed]).await;

    let paused = control(&app, &operator, "queues/media/pause", json!({"reason": "the disk is full"})).await;
    insta::assert_json_snapshot!("queue_paused", paused.snapshot());
    let held = app.put(&Quick {}).await;
    let elsewhere = app.put(&Counted {}).await;
    app.wait_for_state(elsewhere, &[State::Completed]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waiting = row(&app, held).await;
    assert_eq!((waiting.state, waiting.runs), (State::Available, 0), "it waits");
    let view = operator.get(&app, &format!("/api/v1/jobs/{held}")).await;
    assert_eq!(view.data(StatusCode::OK)["waiting"]["no_estimate"], "paused");
    let resumed = control(&app, &operator, "queues/media/resume", json!({"reason": "mended"})).await;
    assert_eq!(resumed.data(StatusCode::OK)["paused"], false);
    app.wait_for_state(held, &[State::Completed]).await;
    let twice = control(&app, &operator, "queues/media/resume", json!({"reason": "mended"})).await;
    assert_eq!(twice.error(StatusCode::CONFLICT), "NOT_PAUSED");

    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_a_kind_ends_by_itself() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let worker = worker(&app).await;
    let first = app.put(&Quick {}).await;
    app.wait_for_state(first, &[State::Completed]).await;
    // Another reason and an end replace the first.
    let kind = format!("kinds/{}", Quick::KIND);
    let paused = control(&app, &operator, &format!("{kind}/pause"), json!({"reason": "a bad rule"})).await;
    assert!(paused.data(StatusCode::OK)["expires_at"].is_null());
    let body = json!({"reason": "only for a moment", "expires_in_seconds": 2});
    let asked = Instant::now();
    let paused = control(&app, &operator, &format!("{kind}/pause"), body).await;
    assert!(paused.data(StatusCode::OK)["expires_at"].is_string());
    let (held, other) = (app.put(&Quick {}).await, app.put(&Part { flow: Uuid::now_v7(), broken: false }).await);
    app.wait_for_state(other, &[State::Completed]).await;
    assert_eq!(row(&app, held).await.runs, 0, "others of its queue go on, it does not");
    app.wait_for_state(held, &[State::Completed]).await;
    assert!(asked.elapsed() > Duration::from_millis(1_500), "{:?}", asked.elapsed());
    worker.stop().await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_asked_to_stop_and_stops() {
    const JOBS: usize = 10;
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let worker = worker(&app).await;
    for number in 0..JOBS {
        let id = app.put(&Endless {}).await;
        app.wait_for_state(id, &[State::Running]).await;
        let asked = Instant::now();
        let path = format!("/api/v1/jobs/{id}/cancel");
        let answered = operator.post(&app, &path, &json!({"reason": "no longer wanted"})).await;
        if number == 0 {
            insta::assert_json_snapshot!("asked_to_stop", answered.snapshot());
        }
        assert_eq!(answered.data(StatusCode::ACCEPTED)["asked"], 1);
        app.wait_for_state(id, &[State::Cancelled]).await;
        assert!(STOPPED.lock().unwrap()[&id] - asked < AT_ONCE);
    }
    worker.stop().await;
    app.finish().await;
}

/// Two broken children and a whole one below a parent, which is below another.
async fn flow(app: &TestApp) -> (Uuid, JobId, Vec<JobId>) {
    let flow = Uuid::now_v7();
    let part = |broken| Part { flow, broken };
    let mut tx = app.db.begin().await.unwrap();
    let new = Flow::new().child(&part(true)).unwrap().child(&part(true)).unwrap().child(&part(false)).unwrap();
    let root = new.enqueue(&mut tx, &part(false)).await.unwrap();
    tx.commit().await.unwrap();
    let children = queue::ledger::flow_members::children_of(&app.db, root).await.unwrap();
    (flow, root, children.into_iter().map(|child| child.id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_flow_is_retried_and_a_whole_one_cancelled() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let worker = worker(&app).await;
    let (name, root, children) = flow(&app).await;
    for (child, state) in children.iter().zip([State::Discarded, State::Discarded, State::Completed]) {
        app.wait_for_state(*child, &[state]).await;
    }
    assert_eq!(row(&app, root).await.state, State::Waiting);
    // The parent alone cannot be retried: it waits for what failed.
    let path = format!("/api/v1/jobs/{root}/retry");
    let alone = operator.post(&app, &path, &json!({"reason": "mended"})).await;
    assert_eq!(alone.error(StatusCode::CONFLICT), "JOB_STATE");
    MENDED.lock().unwrap().insert(name, true);
    let whole = operator.post(&app, &path, &json!({"reason": "mended", "flow": true})).await;
    let change = whole.data(StatusCode::OK);
    assert_eq!((&change["changed"], &change["skipped"]), (&json!(2), &json!(2)), "{change:#}");
    app.wait_for_state(root, &[State::Completed]).await;

    control(&app, &operator, "queues/media/pause", json!({"reason": "so that it stays"})).await.data(StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (_, root, children) = flow(&app).await;
    let path = format!("/api/v1/jobs/{root}/cancel");
    let whole = operator.post(&app, &path, &json!({"reason": "a mistake", "flow": true})).await;
    assert_eq!(whole.data(StatusCode::OK)["changed"], 4);
    for id in children.iter().chain([&root]) {
        assert_eq!(row(&app, *id).await.state, State::Cancelled);
    }
    worker.stop().await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_too_large_is_for_a_bulk_action() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let mut new = Flow::new();
    for _ in 0..queue::control::FLOW_LIMIT {
        new = new.child(&Quick {}).unwrap();
    }
    let mut tx = app.db.begin().await.unwrap();
    let root = new.enqueue(&mut tx, &Quick {}).await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/api/v1/jobs/{root}/cancel");
    let refused = operator.post(&app, &path, &json!({"reason": "all of it", "flow": true})).await;
    assert_eq!(refused.error(StatusCode::CONFLICT), "FLOW_TOO_LARGE");
    assert_eq!(refused.body["error"]["details"], json!({"limit": 1000}));
    assert_eq!(row(&app, root).await.state, State::Waiting, "nothing was changed");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_keeps_to_its_limits_and_they_are_lifted() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let worker = worker(&app).await;
    let first = app.put(&Counted {}).await;
    app.wait_for_state(first, &[State::Completed]).await;
    let path = format!("/api/v1/admin/jobs/limits/{}", Counted::KIND);
    let put = async |body: Value| answer(operator.request(&app, Method::PUT, &path).json(&body)).await;
    let set = put(json!({"max_running": 1, "rate": 100, "burst": 50, "reason": "one at a time"})).await;
    insta::assert_json_snapshot!("limit_set", set.snapshot());
    tokio::time::sleep(Duration::from_secs(1)).await;
    MOST.store(0, Ordering::SeqCst);
    for _ in 0..6 {
        app.put(&Counted {}).await;
    }
    app.drained().await;
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
    let list = operator.get(&app, "/api/v1/admin/jobs/limits").await;
    let list = list.data(StatusCode::OK).as_array().unwrap();
    assert_eq!((list.len(), &list[0]["kind"], &list[0]["burst"]), (1, &json!(Counted::KIND), &json!(50)));
    let silent = operator.delete(&app, &path).await;
    assert_eq!(fields(&silent), ["reason MISSING"]);
    let lifted = operator.delete(&app, &format!("{path}?reason=enlarged")).await;
    assert_eq!(lifted.status, StatusCode::NO_CONTENT);
    let again = operator.delete(&app, &format!("{path}?reason=enlarged")).await;
    assert_eq!(again.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_drained() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let worker = worker(&app).await;
    let first = app.put(&Quick {}).await;
    app.wait_for_state(first, &[State::Completed]).await;
    let workers = queue::ledger::workers::list(&app.db).await.unwrap();
    let path = format!("workers/{}/drain", workers[0].id);
    let asked = control(&app, &operator, &path, json!({"reason": "a new machine"})).await;
    insta::assert_json_snapshot!("drain_asked", asked.snapshot());
    let again = control(&app, &operator, &path, json!({"reason": "a new machine"})).await;
    assert_eq!(again.error(StatusCode::CONFLICT), "WORKER_STATE");
    assert!(["draining", "stopped"].contains(&again.body["error"]["details"]["state"].as_str().unwrap()));
    let started = Instant::now();
    while worker.is_running() {
        assert!(started.elapsed() < Duration::from_secs(30), "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_shown_run_paused_and_resumed() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let definition = schedules::Definition {
        name: "prune_ledger",
        kind: PruneLedger::KIND,
        expression: "0 30 3 * * *",
        zone: "Europe/Berlin",
        jitter_seconds: 0,
        catch_up: "once",
        enabled: true,
    };
    let next = "2026-12-24T02:30:00Z".parse().unwrap();
    schedules::define(&app.db, &definition, &[next], Utc::now()).await.unwrap();
    let run = control(&app, &operator, "schedules/prune_ledger/run", json!({"reason": "the disk"})).await;
    let job: JobId = run.data(StatusCode::ACCEPTED)["job_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(run.location(), format!("/api/v1/jobs/{job}"));
    assert_eq!(app.run_one(job).await.state, State::Completed);
    let body = json!({"reason": "not tonight", "expires_in_seconds": 3600});
    let paused = control(&app, &operator, "schedules/prune_ledger/pause", body).await;
    assert_eq!(paused.data(StatusCode::OK)["paused"], true);
    let list = operator.get(&app, "/api/v1/admin/jobs/schedules").await;
    insta::assert_json_snapshot!("schedules", redacted(list.data(StatusCode::OK)));
    let resumed = control(&app, &operator, "schedules/prune_ledger/resume", json!({"reason": "as ever"})).await;
    assert_eq!(resumed.data(StatusCode::OK)["paused"], false);
    let twice = control(&app, &operator, "schedules/prune_ledger/resume", json!({"reason": "as ever"})).await;
    assert_eq!(twice.error(StatusCode::CONFLICT), "NOT_PAUSED");
    // Ticks further back than the list shows, a page at a time, each once.
    for minute in 0..30 {
        let mut tx = app.db.begin().await.unwrap();
        let due = format!("2026-11-01T00:{minute:02}:00Z").parse().unwrap();
        let outcome = schedules::TickOutcome::Missed;
        assert!(schedules::record(&mut tx, "prune_ledger", due, outcome, "here", due).await.unwrap());
        tx.commit().await.unwrap();
    }
    let (mut dues, mut next): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let cursor = next.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let path = format!("/api/v1/admin/jobs/schedules/prune_ledger/ticks?limit=7{cursor}");
        let page = operator.get(&app, &path).await;
        let ticks = page.data(StatusCode::OK).as_array().unwrap();
        dues.extend(ticks.iter().map(|tick| tick["due"].as_str().unwrap().to_owned()));
        next = page.body["meta"]["next_cursor"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
        assert_eq!(ticks.len(), 7);
    }
    assert_eq!(dues.len(), 31, "with the run by hand");
    assert!(dues.windows(2).all(|pair| pair[0] > pair[1]), "{dues:?}");
    let wrong = operator.get(&app, "/api/v1/admin/jobs/schedules/prune_ledger/ticks?cursor=yesterday").await;
    assert_eq!(wrong.error(StatusCode::BAD_REQUEST), "CURSOR_INVALID");
    let unknown = operator.get(&app, "/api/v1/admin/jobs/schedules/full_moon/ticks").await;
    assert_eq!(unknown.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    for tail in ["run", "pause", "resume"] {
        let unknown = control(&app, &operator, &format!("schedules/full_moon/{tail}"), json!({"reason": "x"})).await;
        assert_eq!(unknown.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{tail}");
    }
    // A newer release's schedule.
    let newer = schedules::Definition { name: "newer", kind: "of_tomorrow", ..definition };
    schedules::define(&app.db, &newer, &[], Utc::now()).await.unwrap();
    let unknown = control(&app, &operator, "schedules/newer/run", json!({"reason": "x"})).await;
    assert_eq!(unknown.error(StatusCode::CONFLICT), "SCHEDULE_UNKNOWN_JOB");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_by_name() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let job = app.put(&Quick {}).await;
    let long = "x".repeat(501);
    let bad: &[(&str, Value, &[&str])] = &[
        ("queues/media/pause", json!({}), &["reason MISSING"]),
        ("queues/media/pause", json!({"reason": " "}), &["reason EMPTY"]),
        ("queues/media/pause", json!({"reason": long}), &["reason TOO_LONG"]),
        ("queues/media/pause", json!({"reason": "a\u{0}b"}), &["reason CHARACTER"]),
        (
            "queues/media/pause",
            json!({"reason": 7, "expires_in_seconds": 0}),
            &["reason TYPE", "expires_in_seconds RANGE"],
        ),
        ("queues/media/pause", json!({"reason": "r", "expires_in_seconds": 2_592_001}), &["expires_in_seconds RANGE"]),
        ("queues/media/pause", json!({"reason": "r", "expires_in_seconds": "1h"}), &["expires_in_seconds TYPE"]),
        ("queues/media/pause", json!({"reason": "r", "until": "tomorrow"}), &["until UNKNOWN"]),
        ("kinds/send_email/resume", json!({"why": "r"}), &["reason MISSING", "why UNKNOWN"]),
        ("schedules/prune_ledger/run", json!({}), &["reason MISSING"]),
        (&format!("{job}/discard"), json!({}), &["reason MISSING"]),
    ];
    for (path, body, expected) in bad {
        assert_eq!(fields(&control(&app, &operator, path, body.clone()).await), *expected, "{path} {body}");
    }
    let limits: &[(Value, &[&str])] = &[
        (json!({"reason": "r"}), &["max_running MISSING"]),
        (json!({"max_running": 0, "reason": "r"}), &["max_running RANGE"]),
        (json!({"max_running": 1.5, "rate": -1, "reason": "r"}), &["max_running TYPE", "rate RANGE"]),
        (json!({"max_running": 100_001}), &["max_running RANGE", "reason MISSING"]),
        (json!({"max_running": 2, "max_running_per_tenant": 3, "reason": "r"}), &["max_running_per_tenant RANGE"]),
        (json!({"burst": 3, "reason": "r"}), &["rate MISSING"]),
        (json!({"rate": 3, "rate_seconds": 86_401, "reason": "r"}), &["rate_seconds RANGE"]),
    ];
    for (body, expected) in limits {
        let path = "/api/v1/admin/jobs/limits/send_email";
        let refused = answer(operator.request(&app, Method::PUT, path).json(body)).await;
        assert_eq!(fields(&refused), *expected, "{body}");
    }
    for path in ["queues/medai/pause", "queues/%00/pause", "kinds/send_emial/pause", "kinds/send_emial/resume"] {
        let unknown = control(&app, &operator, path, json!({"reason": "r"})).await;
        assert_eq!(unknown.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{path}");
        let known = &unknown.body["error"]["details"];
        assert!(path.contains("%00") || known["queues"].is_array() || known["kinds"].is_array(), "{path}: {known}");
    }
    // States that do not fit are named.
    let discard = format!("{job}/discard");
    control(&app, &operator, &discard, json!({"reason": "r"})).await.data(StatusCode::OK);
    let twice = control(&app, &operator, &discard, json!({"reason": "r"})).await;
    assert_eq!(twice.error(StatusCode::CONFLICT), "JOB_STATE");
    assert_eq!(twice.body["error"]["details"], json!({"state": "discarded", "action": "discard"}));
    let nobody = control(&app, &operator, &format!("workers/{}/drain", Uuid::now_v7()), json!({"reason": "r"})).await;
    assert_eq!(nobody.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    app.discard().await;
}
