//! `worker explain`: what it says in staged situations, and what it says would help.

use std::time::Duration;

use db::Tx;
use jobs::Context;
use queue::{
    Flow, Job, JobError, Outcome, Queue, Run,
    control::explain::{Explanation, explain_job, explain_queue},
    enqueue, enqueue_in,
    ids::{JobId, WorkerId},
    ledger::{
        self, Action, By, Claimed, Ending, Next,
        controls::{
            limits::{self, Limit},
            pauses::{self, EVERYTHING, Scope},
        },
        flows,
        history::{attempts::Outcome as Attempt, progress},
        workers,
    },
};
use serde::{Deserialize, Serialize};
use tests::TestApp;
use uuid::Uuid;

#[derive(Default, Serialize, Deserialize)]
struct Chore {
    tenant: Option<Uuid>,
}

impl Job<Context> for Chore {
    const KIND: &'static str = "test_chore";
    const QUEUE: Queue = jobs::queues::SEARCH;
    fn tenant(&self) -> Option<Uuid> {
        self.tenant
    }
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

#[derive(Serialize, Deserialize)]
struct ChoreOfTomorrow {}

impl Job<Context> for ChoreOfTomorrow {
    const KIND: &'static str = Chore::KIND;
    const VERSION: u16 = 2;
    const QUEUE: Queue = jobs::queues::SEARCH;
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

async fn put(app: &TestApp) -> JobId {
    app.put(&Chore::default()).await
}

async fn change<T>(app: &TestApp, change: impl AsyncFnOnce(&mut Tx) -> T) -> T {
    let mut tx = app.db.begin().await.unwrap();
    let value = change(&mut tx).await;
    tx.commit().await.unwrap();
    value
}

async fn act(app: &TestApp, id: JobId, action: Action, reason: &str) {
    change(app, async |tx| {
        queue::control::act::operate(tx, &jobs::KINDS, id, action, &By::system(reason)).await.unwrap().unwrap();
    })
    .await;
}

async fn claim(app: &TestApp, worker: WorkerId, id: JobId) -> Claimed {
    ledger::claim(&app.db, worker, vec![id]).await.unwrap().remove(0)
}

async fn end(app: &TestApp, worker: WorkerId, outcome: Attempt, class: Option<&'static str>, next: Next) -> JobId {
    let id = put(app).await;
    let held = claim(app, worker, id).await;
    let error = Some("the oven is cold".to_owned());
    let ending = Ending { outcome, class, error, fingerprint: None, next };
    ledger::finish(&app.db, &held.fence, Some(&ending), false).await.unwrap();
    id
}

/// Says `why`, and offers help that says `help` (none, where that is empty).
async fn says(app: &TestApp, id: JobId, why: &str, help: &str) {
    let explanation = explain_job(&app.db, id).await.unwrap().unwrap();
    matches(&explanation, why, help);
}

fn matches(explanation: &Explanation, why: &str, help: &str) {
    assert!(explanation.why.contains(why), "{:?} does not say {why:?}", explanation.why);
    assert!(!explanation.why.ends_with('.') && !explanation.why.contains('\n'), "one sentence: {:?}", explanation.why);
    match &explanation.help {
        None => assert!(help.is_empty(), "no help for {:?}", explanation.why),
        Some(said) => assert!(!help.is_empty() && said.contains(help), "{said:?} does not say {help:?}"),
    }
}

fn limit() -> Limit {
    Limit::of(Chore::KIND, "a test")
}

async fn enrol_knowing(app: &TestApp, kinds: &str) -> WorkerId {
    let id = WorkerId(Uuid::now_v7());
    let (name, queues) = ("knowing".into(), "search".into());
    let worker = workers::NewWorker { id, name, version: "test".into(), queues, slots: 1 };
    workers::register_knowing(&app.db, &worker, Some(kinds)).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_says_who_is_missing() {
    let app = TestApp::start().await;
    assert_eq!(explain_job(&app.db, JobId::new()).await.unwrap(), None);
    let id = put(&app).await;
    says(&app, id, "no living worker serves the queue search", "start a worker with search in WORKER_QUEUES").await;
    let draining = app.enrol("old", "search,mail").await;
    change(&app, async |tx| workers::request_drain(tx, draining, "a new machine").await.unwrap()).await;
    says(&app, id, "all 1 workers of the queue search are draining", "start a worker").await;
    workers::stop(&app.db, draining).await.unwrap();
    let other = enrol_knowing(&app, "send_email:1").await;
    says(&app, id, "no living worker knows the kind test_chore", "deploy a build").await;
    workers::stop(&app.db, other).await.unwrap();
    enrol_knowing(&app, "test_chore:1").await;
    says(&app, id, "it is next", "").await;
    let newer = app.put(&ChoreOfTomorrow {}).await;
    says(&app, newer, "version 2 of test_chore (the newest known is 1)", "deploy a build").await;
    let third = put(&app).await;
    says(&app, third, "2 jobs of its tenant are before it and 1 tenants take turns", "more slots").await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_or_limited_says_by_whom_and_until_when() {
    let app = TestApp::start().await;
    let worker = app.enrol("by hand", "search").await;
    let id = put(&app).await;
    let (operator, soon) = (Uuid::now_v7(), chrono::Utc::now() + chrono::TimeDelta::hours(1));
    change(&app, async |tx| {
        pauses::pause(tx, Scope::Queue, "search", "stock-taking", Some(operator), None).await.unwrap()
    })
    .await;
    says(&app, id, "the queue search is paused until somebody resumes it: stock-taking", "worker queues resume search")
        .await;
    matches(
        &explain_queue(&app.db, "search").await.unwrap(),
        "is paused until somebody",
        "worker queues resume search",
    );
    change(&app, async |tx| {
        pauses::pause(tx, Scope::Queue, "search", "stock-taking", Some(operator), Some(soon)).await.unwrap()
    })
    .await;
    says(&app, id, "the queue search is paused until 20", "worker queues resume search").await;
    change(&app, async |tx| pauses::pause(tx, Scope::All, EVERYTHING, "the database moves", None, None).await.unwrap())
        .await;
    says(&app, id, "everything is paused at the command line until somebody resumes it", "worker queues resume --all")
        .await;
    matches(&explain_queue(&app.db, "search").await.unwrap(), "everything is paused", "worker queues resume --all");
    change(&app, async |tx| pauses::resume(tx, Scope::All, EVERYTHING).await.unwrap()).await;
    change(&app, async |tx| pauses::resume(tx, Scope::Queue, "search").await.unwrap()).await;
    // Maintenance pauses everything, too, and something else ends it.
    change(&app, async |tx| jobs::read_only::begin(tx, 60, &By::system("the disk moves")).await.unwrap()).await;
    says(
        &app,
        id,
        "everything is paused at the command line until it ends: maintenance: the disk moves",
        "worker maintenance end --reason … ends it",
    )
    .await;
    change(&app, async |tx| jobs::read_only::end(tx, &By::system("it has moved")).await.unwrap()).await;
    // The queue itself, because a service is away; and somebody at a terminal.
    assert!(pauses::pause_for_service(&app.db, Chore::KIND, "no oven", Duration::from_secs(3_600)).await.unwrap());
    says(&app, id, "the kind test_chore is paused by the system until 20", "resume --kind test_chore").await;
    change(&app, async |tx| pauses::resume(tx, Scope::Kind, Chore::KIND).await.unwrap()).await;
    change(&app, async |tx| pauses::pause(tx, Scope::Kind, Chore::KIND, "no service", None, Some(soon)).await.unwrap())
        .await;
    says(&app, id, "the kind test_chore is paused at the command line until", "resume --kind test_chore").await;
    assert!(ledger::claim(&app.db, worker, vec![id]).await.unwrap().is_empty());
    says(&app, id, "the kind test_chore is paused", "resume --kind test_chore").await;
    change(&app, async |tx| pauses::resume(tx, Scope::Kind, Chore::KIND).await.unwrap()).await;
    says(&app, id, "what held it is over; it is let go within a second", "").await;
    limits::settle(&app.db).await.unwrap();

    let set = async |limit: Limit| change(&app, async |tx| limits::set(tx, &limit).await.unwrap()).await;
    set(Limit { max_running: Some(0), ..limit() }).await;
    says(&app, id, "at most 0 jobs of test_chore run at a time", "worker queues limit test_chore").await;
    let tenant = Some(Uuid::now_v7());
    let (first, second) = (app.put(&Chore { tenant }).await, app.put(&Chore { tenant }).await);
    set(Limit { max_running_per_tenant: Some(1), ..limit() }).await;
    assert_eq!(ledger::claim(&app.db, worker, vec![first, second]).await.unwrap().len(), 1);
    says(&app, second, "at most 1 jobs of test_chore run at a time for one tenant (or key)", "worker queues limit")
        .await;
    set(Limit { rate: Some(1), rate_seconds: Some(3_600), ..limit() }).await;
    limits::settle(&app.db).await.unwrap();
    let (now, later) = (put(&app).await, put(&app).await);
    assert_eq!(ledger::claim(&app.db, worker, vec![now, later]).await.unwrap().len(), 1);
    says(&app, later, "at most 1 jobs of test_chore start in 3600 s", "worker queues limit").await;
    set(Limit { rate: Some(1), rate_seconds: Some(1), ..limit() }).await;
    let (now, later) = (put(&app).await, put(&app).await);
    assert_eq!(ledger::claim(&app.db, worker, vec![now, later]).await.unwrap().len(), 1);
    says(&app, later, "the rate of test_chore gives it its start at 20", "").await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_time_says_which_and_why() {
    let app = TestApp::start().await;
    let worker = app.enrol("by hand", "search").await;
    let later =
        change(&app, async |tx| enqueue_in(tx, &Chore::default(), Duration::from_secs(3_600)).await.unwrap()).await;
    says(&app, later, "it was enqueued to run at 20", "").await;
    let minute = Duration::from_secs(60);
    let calm = Next::Again { delay: minute, burnt: false };
    let snoozed = end(&app, worker, Attempt::Snoozed, None, calm).await;
    says(&app, snoozed, "its handler asked to be run again at 20", "").await;
    let waiting = end(&app, worker, Attempt::Retry, Some("transient"), calm).await;
    says(&app, waiting, "it waits for a service: the oven is cold; the next try is at 20", "").await;
    let parked = end(&app, worker, Attempt::Parked, None, calm).await;
    says(&app, parked, "the last worker could not read its arguments: the oven is cold", "deploy the build").await;
    let failed = end(&app, worker, Attempt::Retry, Some("failed"), Next::Again { delay: minute, burnt: true }).await;
    says(&app, failed, "its run 1 failed: the oven is cold; it runs again at 20", "").await;
    sqlx::query("UPDATE jobs SET run_at = UTC_TIMESTAMP(6) - INTERVAL 60 SECOND WHERE id = ?")
        .bind(failed)
        .execute(app.db.pool())
        .await
        .unwrap();
    says(&app, failed, "it is due since 20", "start a worker").await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_waits_for_others_or_has_ended_says_so() {
    let app = TestApp::start().await;
    let worker = app.enrol("kitchen", "search").await;
    let id = put(&app).await;
    claim(&app, worker, id).await;
    says(&app, id, "it runs on kitchen since 20", "").await;
    progress::write(&app.db, id, 3, Some(9), "plates").await.unwrap();
    says(&app, id, "(3 of 9)", "").await;
    act(&app, id, Action::Cancel, "no guests").await;
    says(&app, id, "it runs on kitchen and was asked to stop at 20", "").await;
    workers::stop(&app.db, worker).await.unwrap();
    says(&app, id, "kitchen, which ran it, has ended; it goes back into its queue", "start one").await;

    let worker = app.enrol("second", "search").await;
    says(&app, id, "it goes back into its queue within seconds", "").await;
    let parent = change(&app, async |tx| {
        let flow = Flow::new().child(&Chore::default()).unwrap().child(&Chore::default()).unwrap();
        flow.enqueue(tx, &Chore::default()).await.unwrap()
    })
    .await;
    says(&app, parent, "it waits for 2 of 2 jobs of its flow; test_chore", "").await;
    let child = flows::subtree(&app.db, parent, 9).await.unwrap()[0];
    act(&app, child, Action::Discard, "burnt").await;
    says(&app, parent, "it waits for 2 jobs of its flow, and 1 of them ended without completing", "worker jobs retry")
        .await;

    let completed = put(&app).await;
    let held = claim(&app, worker, completed).await;
    ledger::finish(&app.db, &held.fence, None, true).await.unwrap();
    says(&app, completed, "it completed at 20", "").await;
    let cancelled = change(&app, async |tx| enqueue(tx, &Chore::default()).await.unwrap()).await;
    act(&app, cancelled, Action::Cancel, "no guests").await;
    says(&app, cancelled, "it was cancelled at 20", "worker jobs retry").await;
    says(&app, cancelled, ": no guests", "runs it after all").await;
    says(&app, child, "it was given up at 20", "worker jobs retry").await;
    says(&app, child, ": burnt", "mend the cause").await;
    let discarded = end(&app, worker, Attempt::Discarded, Some("failed"), Next::Discarded).await;
    says(&app, discarded, "after 1 failures: the oven is cold", "mend the cause").await;
    let crashed = end(&app, worker, Attempt::Crashed, Some("crashed"), Next::Crashed { quarantined: true }).await;
    says(&app, crashed, "its child process died 1 times", "read its attempts").await;
    let lost = put(&app).await;
    for _ in 0..20 {
        let member = app.enrol("lost", "search").await;
        claim(&app, member, lost).await;
        workers::stop(&app.db, member).await.unwrap();
        queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, member).await.unwrap();
    }
    says(&app, lost, "20 worker processes died while they ran it", "read its attempts").await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_says_why_it_does_not_move() {
    let app = TestApp::start().await;
    matches(
        &explain_queue(&app.db, "search").await.unwrap(),
        "no living worker serves the queue search",
        "start a worker",
    );
    app.enrol("by hand", "search").await;
    matches(&explain_queue(&app.db, "search").await.unwrap(), "nothing waits in it; 1 workers serve it", "");
    put(&app).await;
    matches(
        &explain_queue(&app.db, "search").await.unwrap(),
        "1 jobs wait, the oldest for 0 s; 1 workers with 1 slots serve it, and 0 runs ended",
        "all slots may be held by long ones",
    );
    app.discard().await;
}
