//! Operators change jobs that wait, run completed ones once more, and pause everything.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{review::ReviewPolicy, user::Role};
use jobs::Context;
use queue::{
    Flow, Job, JobError, Outcome, Priority, Queue, Run, enqueue_in,
    ids::JobId,
    ledger::{self, JobRow, State, flows, history::timeline},
};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, client::answer};

/// Ends at once. Of no use an hour after it is due.
#[derive(Serialize, Deserialize)]
struct Brief {}

impl Job<Context> for Brief {
    const KIND: &'static str = "test_brief";
    const QUEUE: Queue = jobs::queues::MEDIA;
    const PRIORITY: Priority = Priority::Low;
    const DEADLINE: Option<Duration> = Some(Duration::from_secs(3_600));

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

async fn row(app: &TestApp, id: JobId) -> JobRow {
    ledger::get(&app.db, id).await.unwrap().expect("the job exists")
}

async fn later(app: &TestApp, delay: Duration) -> JobId {
    let mut tx = app.db.begin().await.unwrap();
    let id = enqueue_in(&mut tx, &Brief {}, delay).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn deadline(app: &TestApp, id: JobId) -> DateTime<Utc> {
    sqlx::query_scalar("SELECT deadline_at FROM jobs WHERE id = ?").bind(id).fetch_one(app.db.pool()).await.unwrap()
}

async fn change(app: &TestApp, user: &User, id: JobId, body: Value) -> Answer {
    answer(user.request(app, Method::PATCH, &format!("/api/v1/admin/jobs/{id}")).json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_gets_another_time_priority_or_queue() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let id = later(&app, Duration::from_secs(7_200)).await;
    let (due, too_late) = (row(&app, id).await.run_at, deadline(&app, id).await);

    let sooner = Utc::now() + TimeDelta::minutes(10);
    let changed = change(&app, &operator, id, json!({"run_at": sooner, "priority": 0, "reason": "it is needed"})).await;
    let data = changed.data(StatusCode::OK);
    assert_eq!((&data["before"]["priority"], &data["after"]["priority"]), (&json!(3), &json!(0)));
    let now = row(&app, id).await;
    assert_eq!((now.state, now.priority, now.queue.as_str()), (State::Scheduled, 0, "media"));
    assert!((now.run_at - sooner).abs() < TimeDelta::milliseconds(2), "{}", now.run_at);
    assert_eq!(deadline(&app, id).await, too_late, "what comes sooner has no earlier deadline");
    let farther = due + TimeDelta::hours(3);
    change(&app, &operator, id, json!({"run_at": farther, "reason": "it can wait"})).await.data(StatusCode::OK);
    let moved = deadline(&app, id).await - too_late;
    assert!(
        moved > TimeDelta::minutes(170 + 110) && moved < TimeDelta::hours(5),
        "its deadline moves with it: {moved}"
    );

    let past = Utc::now() - TimeDelta::days(1);
    let body = json!({"run_at": past, "queue": "heavy", "reason": "now, where there is memory"});
    change(&app, &operator, id, body).await.data(StatusCode::OK);
    let now = row(&app, id).await;
    assert_eq!((now.state, now.queue.as_str()), (State::Available, "heavy"));
    assert!(now.run_at > past, "a time that has passed means now");
    change(&app, &operator, id, json!({"queue": "media", "reason": "back"})).await.data(StatusCode::OK);

    let story = timeline::of(&app.db, id).await.unwrap().actions;
    assert_eq!(story.len(), 4);
    let details = &story[0].details.as_ref().unwrap().0;
    assert_eq!((&details["before"]["priority"], &details["after"]["priority"]), (&json!(3), &json!(0)));
    let shown = operator.get(&app, &format!("/api/v1/admin/jobs/{id}")).await;
    let timeline = shown.data(StatusCode::OK)["timeline"].clone();
    assert!(timeline.to_string().contains("now, where there is memory"), "{timeline}");

    // It runs where it is now.
    let registry = jobs::registry().with::<Brief>();
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, registry).await;
    app.wait_for_state(id, &[State::Completed]).await;

    // Once more, by hand, and by a bulk action.
    let rerun = format!("/api/v1/admin/jobs/{id}/rerun");
    let again = operator.post(&app, &rerun, &json!({"reason": "the index was restored"})).await;
    assert_eq!(again.data(StatusCode::OK)["state"], "available");
    app.wait_for_state(id, &[State::Completed]).await;
    assert_eq!(row(&app, id).await.runs, 2);
    let body = json!({"action": "rerun", "filter": {"kind": "test_brief"}, "reason": "all of them"});
    let bulk = operator.post(&app, "/api/v1/admin/jobs/bulk", &body).await;
    assert_eq!(bulk.data(StatusCode::ACCEPTED)["matched"]["count"], 1);
    let began = std::time::Instant::now();
    while row(&app, id).await.runs < 3 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", row(&app, id).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

/// Its ticket lies on the list of the queue that it was in; were it claimed from there, nobody would look for it in that
/// queue once its worker died.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_moved_is_not_claimed_from_the_queue_that_it_left() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let id = app.put(&Brief {}).await;
    let registry = jobs::registry().with::<Brief>();
    let member = app.enrol("by hand", "media").await;
    let of = |queue| ledger::Claimant::of_known(member, registry.kinds(), registry.queues(), queue);
    let restrictions = queue::ledger::controls::load(&app.db).await.unwrap();
    change(&app, &operator, id, json!({"queue": "heavy", "reason": "it needs memory"})).await.data(StatusCode::OK);
    let media = ledger::claim_within(&app.db, &of(jobs::queues::MEDIA), vec![id], &restrictions).await.unwrap();
    assert!(media.is_empty(), "{media:?}");
    let heavy = ledger::claim_within(&app.db, &of(jobs::queues::HEAVY), vec![id], &restrictions).await.unwrap();
    assert_eq!(heavy.len(), 1);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_is_refused_by_name() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let id = later(&app, Duration::from_secs(60)).await;
    for (body, field) in [
        (json!({"reason": "r"}), "run_at"),
        (json!({"priority": 5, "reason": "r"}), "priority"),
        (json!({"queue": "medai", "reason": "r"}), "queue"),
        (json!({"run_at": "tomorrow", "reason": "r"}), "run_at"),
        (json!({"run_at": Utc::now() + TimeDelta::days(4_000), "reason": "r"}), "run_at"),
        (json!({"priority": 1}), "reason"),
    ] {
        let refused = change(&app, &operator, id, body.clone()).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{body}");
        assert_eq!(refused.body["error"]["details"]["fields"][0]["field"], field, "{body}");
    }
    let nobody = change(&app, &operator, JobId::new(), json!({"priority": 1, "reason": "r"})).await;
    assert_eq!(nobody.error(StatusCode::NOT_FOUND), "NOT_FOUND");

    // A parent begins when its children have completed, and not at a time.
    let mut tx = app.db.begin().await.unwrap();
    let parent = Flow::new().child(&Brief {}).unwrap().enqueue(&mut tx, &Brief {}).await.unwrap();
    tx.commit().await.unwrap();
    let waiting = change(&app, &operator, parent, json!({"run_at": Utc::now(), "reason": "r"})).await;
    assert_eq!(waiting.error(StatusCode::CONFLICT), "JOB_STATE");
    assert_eq!(waiting.body["error"]["details"], json!({"state": "waiting", "action": "change"}));
    change(&app, &operator, parent, json!({"priority": 0, "reason": "r"})).await.data(StatusCode::OK);
    assert_eq!((row(&app, parent).await.state, row(&app, parent).await.priority), (State::Waiting, 0));

    // What has ended is retried or rerun, and what has not completed is not rerun.
    let rerun = format!("/api/v1/admin/jobs/{id}/rerun");
    let refused = operator.post(&app, &rerun, &json!({"reason": "r"})).await;
    assert_eq!(refused.error(StatusCode::CONFLICT), "JOB_STATE");
    let child = flows::subtree(&app.db, parent, 10).await.unwrap()[0];
    operator.post(&app, &format!("/api/v1/admin/jobs/{child}/discard"), &json!({"reason": "r"})).await;
    let ended = change(&app, &operator, child, json!({"priority": 1, "reason": "r"})).await;
    assert_eq!(ended.error(StatusCode::CONFLICT), "JOB_STATE");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_paused_at_once_beside_what_was_paused_before() {
    let app = TestApp::start().await;
    let operator = app.user("op", Role::Operator).await;
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Brief>()).await;
    let post =
        async |path: &str| operator.post(&app, &format!("/api/v1/admin/jobs/{path}"), &json!({"reason": "r"})).await;
    post("queues/search/pause").await.data(StatusCode::OK);
    let paused = post("pause").await;
    assert_eq!(paused.data(StatusCode::OK)["scope"], "all");
    let held = app.put(&Brief {}).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((row(&app, held).await.state, row(&app, held).await.runs), (State::Available, 0));
    // By whichever way a claim comes.
    let member = app.enrol("by hand", "media").await;
    assert!(ledger::claim(&app.db, member, vec![held]).await.unwrap().is_empty());
    let queues = operator.get(&app, "/api/v1/admin/jobs/queues").await;
    assert_eq!(queues.data(StatusCode::OK)["paused"]["reason"], "r");
    post("resume").await.data(StatusCode::OK);
    app.wait_for_state(held, &[State::Completed]).await;
    let queues = operator.get(&app, "/api/v1/admin/jobs/queues").await;
    let data = queues.data(StatusCode::OK);
    assert!(data["paused"].is_null());
    let search = data["queues"].as_array().unwrap().iter().find(|queue| queue["name"] == "search").unwrap();
    assert_eq!(search["paused"]["reason"], "r", "a queue's own pause stays");
    assert_eq!(post("resume").await.error(StatusCode::CONFLICT), "NOT_PAUSED");
    worker.stop().await;
    app.finish().await;
}
