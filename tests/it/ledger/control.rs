//! Controls: pauses, limits, cancelling, draining, fairness. The jobs are made for the purpose.

mod joins;
mod limits;

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use db::Tx;
use domain::{ids::UserId, review::ReviewPolicy};
use jobs::Context;
use queue::{
    Flow, Job, JobError, LedgerDays, OnGivenUp, Outcome, Priority, Queue, Run,
    builtin::CancelFlow,
    control::act,
    enqueue_all,
    ids::JobId,
    ledger::{
        self, Action, By, Operated, State,
        controls::{
            limits::Limit,
            pauses::{self, Scope},
        },
        flow_members, flows,
        history::attempts,
        workers::{self, WorkerState},
    },
};
use serde::{Deserialize, Serialize};
use tests::{
    TestApp,
    app::{AT_ONCE, PATIENCE},
    database,
    fleet::Worker,
};
use uuid::Uuid;

/// Works for a while and notes when, under the number of its test.
#[derive(Clone, Serialize, Deserialize)]
struct Stint {
    test: Uuid,
    tenant: Option<UserId>,
    millis: u64,
}

#[derive(Clone, Copy)]
struct Note {
    tenant: Option<UserId>,
    began: Instant,
    ended: Option<Instant>,
}

static NOTES: LazyLock<Mutex<HashMap<Uuid, HashMap<JobId, Note>>>> = LazyLock::new(Default::default);

fn notes(test: Uuid) -> Vec<Note> {
    NOTES.lock().unwrap().get(&test).map(|notes| notes.values().copied().collect()).unwrap_or_default()
}

/// The most that ran at a moment, of those `which` picks.
fn most_at_a_time(notes: &[Note], which: impl Fn(&Note) -> bool) -> usize {
    let picked: Vec<&Note> = notes.iter().filter(|note| which(note)).collect();
    let at = |moment: Instant| {
        picked.iter().filter(|note| note.began <= moment && note.ended.is_none_or(|ended| ended > moment)).count()
    };
    picked.iter().map(|note| at(note.began)).max().unwrap_or(0)
}

impl Job<Context> for Stint {
    const KIND: &'static str = "test_stint";
    const QUEUE: Queue = jobs::queues::SEARCH;

    fn tenant(&self) -> Option<Uuid> {
        self.tenant.map(Uuid::from)
    }

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        let note = Note { tenant: self.tenant, began: Instant::now(), ended: None };
        NOTES.lock().unwrap().entry(self.test).or_default().insert(run.job(), note);
        tokio::time::sleep(Duration::from_millis(self.millis)).await;
        if let Some(note) = NOTES.lock().unwrap().get_mut(&self.test).and_then(|notes| notes.get_mut(&run.job())) {
            note.ended = Some(Instant::now());
        }
        Ok(Outcome::Done)
    }
}

/// A [`Stint`] that a limit for each tenant counts by the service it asks.
#[derive(Clone, Serialize, Deserialize)]
struct Call {
    service: String,
    stint: Stint,
}

impl Job<Context> for Call {
    const KIND: &'static str = "test_call";
    const QUEUE: Queue = jobs::queues::SEARCH;

    fn tenant(&self) -> Option<Uuid> {
        Job::<Context>::tenant(&self.stint)
    }

    fn limit_key(&self) -> Option<String> {
        Some(self.service.clone())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        self.stint.run(context, run).await
    }
}

/// In the same queue, of another kind.
#[derive(Serialize, Deserialize)]
struct Other {}

impl Job<Context> for Other {
    const KIND: &'static str = "test_other";
    const QUEUE: Queue = jobs::queues::SEARCH;
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

/// Can wait.
#[derive(Serialize, Deserialize)]
struct Bulk {}

impl Job<Context> for Bulk {
    const KIND: &'static str = "test_bulk";
    const QUEUE: Queue = jobs::queues::SEARCH;
    const PRIORITY: Priority = Priority::Bulk;
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Outcome::Done)
    }
}

/// Cannot.
#[derive(Serialize, Deserialize)]
struct Urgent {}

impl Job<Context> for Urgent {
    const KIND: &'static str = "test_urgent";
    const QUEUE: Queue = jobs::queues::SEARCH;
    const PRIORITY: Priority = Priority::Urgent;
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

/// Fails until it is told otherwise.
#[derive(Serialize, Deserialize)]
struct Stubborn {
    test: Uuid,
}

static WILLING: LazyLock<Mutex<HashMap<Uuid, bool>>> = LazyLock::new(Default::default);

impl Job<Context> for Stubborn {
    const KIND: &'static str = "test_stubborn";
    const QUEUE: Queue = jobs::queues::SEARCH;
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        if WILLING.lock().unwrap().contains_key(&self.test) {
            Ok(Outcome::Done)
        } else {
            Err(JobError::Discard(anyhow::anyhow!("not now")))
        }
    }
}

async fn worker(app: &TestApp, slots: usize) -> Worker {
    let registry = jobs::registry().with::<Stint>().with::<Other>().with::<Stubborn>().with::<Bulk>().with::<Urgent>();
    let registry = registry.with::<Call>();
    let mut fleet = app.prepared_worker(ReviewPolicy::FlaggedOnly, registry).await;
    fleet.settings.queues = vec![(jobs::queues::SEARCH, slots), (jobs::queues::UPLOADS, 2)];
    Worker::start(fleet)
}

async fn change<T>(app: &TestApp, work: impl AsyncFnOnce(&mut Tx) -> T) -> T {
    let mut tx = app.db.begin().await.unwrap();
    let value = work(&mut tx).await;
    tx.commit().await.unwrap();
    value
}

async fn act(app: &TestApp, id: JobId, action: Action) -> ledger::Change {
    change(app, async |tx| act::operate(tx, &jobs::KINDS, id, action, &By::system("a test")).await.unwrap().unwrap())
        .await
}

async fn put_all(app: &TestApp, all: &[Stint]) -> Vec<JobId> {
    change(app, async |tx| enqueue_all(tx, all).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_paused_queue_starts_after_the_pause_committed() {
    let app = TestApp::start().await;
    let worker = worker(&app, 4).await;
    let test = Uuid::now_v7();
    let job = Stint { test, tenant: None, millis: 5 };
    let mut ids = put_all(&app, &vec![job.clone(); 200]).await;
    while notes(test).len() < 20 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    change(&app, async |tx| {
        pauses::pause(tx, Scope::Queue, "search", "the index is rebuilt", None, None).await.unwrap();
    })
    .await;
    let paused_at = db::clock::now(&app.db).await.unwrap();
    ids.extend(put_all(&app, &vec![job; 20]).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut waiting = 0;
    for id in ids {
        let row = ledger::get(&app.db, id).await.unwrap().unwrap();
        assert!(
            row.started_at.is_none_or(|started| started <= paused_at),
            "started while its queue was paused: {row:?}"
        );
        waiting += usize::from(row.state == State::Available);
    }
    assert!(waiting >= 20, "{waiting} wait");
    assert!(change(&app, async |tx| pauses::resume(tx, Scope::Queue, "search").await.unwrap()).await);
    app.drained().await;
    assert_eq!(notes(test).len(), 220);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_kind_lets_others_of_its_queue_pass_and_comes_back_when_its_time_is_over() {
    let app = TestApp::start().await;
    let until = db::clock::now(&app.db).await.unwrap() + TimeDelta::seconds(3);
    change(&app, async |tx| {
        pauses::pause(tx, Scope::Kind, Stint::KIND, "a bad build", None, Some(until)).await.unwrap();
    })
    .await;
    let worker = worker(&app, 2).await;
    let test = Uuid::now_v7();
    let paused = put_all(&app, &vec![Stint { test, tenant: None, millis: 1 }; 700]).await;
    let other = app.put(&Other {}).await;
    app.wait_for_state(other, &[State::Completed]).await;
    let row = app.wait_for_state(paused[0], &[State::Blocked]).await;
    assert_eq!(row.runs, 0);
    assert!(notes(test).is_empty());
    app.drained().await;
    let first = notes(test).iter().map(|note| note.began).min().unwrap();
    assert_eq!(notes(test).len(), 700);
    assert!(db::clock::now(&app.db).await.unwrap() >= until && first.elapsed() < Duration::from_secs(30));
    assert!(pauses::list(&app.db).await.unwrap().is_empty(), "the pause is over");
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_asked_to_stop_and_stops() {
    let app = TestApp::start().await;
    let worker = worker(&app, 8).await;
    let test = Uuid::now_v7();
    let mut took = Vec::new();
    for _ in 0..8 {
        let id = app.put(&Stint { test, tenant: None, millis: 60_000 }).await;
        app.wait_for_state(id, &[State::Running]).await;
        let asked = Instant::now();
        let change = act(&app, id, Action::Cancel).await;
        assert_eq!((change.result, change.after), (Operated::Asked, State::Running));
        let row = app.wait_for_state(id, &[State::Cancelled]).await;
        took.push(asked.elapsed());
        let attempts = attempts::by_job(&app.db, id).await.unwrap();
        assert_eq!((attempts[0].outcome.as_str(), attempts[0].error.as_deref()), ("cancelled", Some("a test")));
        assert_eq!((row.runs, row.failures), (1, 0));
    }
    took.sort();
    assert!(*took.last().unwrap() < AT_ONCE, "{took:?}");
    assert!(ledger::stranded_cancels(&app.db).await.unwrap().is_empty(), "nothing is left to settle");
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_outlives_the_worker_that_ran_the_job() {
    let app = TestApp::start().await;
    let lost = app.enrol("lost", "search").await;
    let id = app.put(&Stint { test: Uuid::now_v7(), tenant: None, millis: 60_000 }).await;
    assert_eq!(ledger::claim(&app.db, lost, vec![id]).await.unwrap().len(), 1);
    assert_eq!(act(&app, id, Action::Cancel).await.result, Operated::Asked);
    assert_eq!(act(&app, id, Action::Discard).await.result, Operated::Refused, "it runs");
    // Nobody beats for it: it is put back, and cancelled where it lies or as soon as it runs again.
    let worker = worker(&app, 1).await;
    let row = app.wait_for_state(id, &[State::Cancelled]).await;
    assert_eq!(row.lost, 1);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_drain_finishes_what_it_runs_and_ends() {
    let app = TestApp::start().await;
    let worker = worker(&app, 2).await;
    let test = Uuid::now_v7();
    let id = app.put(&Stint { test, tenant: None, millis: 1_500 }).await;
    app.wait_for_state(id, &[State::Running]).await;
    let row = workers::list(&app.db).await.unwrap().into_iter().find(|row| row.state == WorkerState::Alive).unwrap();
    assert_eq!(row.slots, 4);
    assert!(change(&app, async |tx| workers::request_drain(tx, row.id, "a new machine").await.unwrap()).await);
    let asked = Instant::now();
    while worker.is_running() {
        assert!(asked.elapsed() < PATIENCE, "the worker does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ledger::get(&app.db, id).await.unwrap().unwrap().state, State::Completed);
    let row = workers::list(&app.db).await.unwrap().into_iter().find(|worker| worker.id == row.id).unwrap();
    assert_eq!((row.state, row.drain_reason.as_deref()), (WorkerState::Stopped, Some("a new machine")));
    assert!(row.memory_bytes.is_some_and(|bytes| bytes > 1 << 20), "{row:?}");
    worker.stop().await;
    app.finish().await;
}

/// A job that takes every worker down is set aside, and found among the failures.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_lost_too_often_is_a_group_of_failures() {
    let app = TestApp::start().await;
    let id = app.put(&Other {}).await;
    for _ in 0..20 {
        let lost = app.enrol("lost", "search").await;
        assert_eq!(ledger::claim(&app.db, lost, vec![id]).await.unwrap().len(), 1);
        workers::stop(&app.db, lost).await.unwrap();
        assert_eq!(queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, lost).await.unwrap(), 1);
    }
    let row = ledger::get(&app.db, id).await.unwrap().unwrap();
    assert_eq!((row.state, row.lost), (State::Quarantined, 20));
    let attempts = attempts::by_job(&app.db, id).await.unwrap();
    assert_eq!(
        (attempts.len(), attempts[19].worker.as_deref(), attempts[19].version.as_deref()),
        (20, Some("lost"), Some("test"))
    );
    // Retried, it starts with a clean slate and is a failure no more once it completes.
    assert_eq!(act(&app, id, Action::Retry).await.after, State::Available);
    let worker = worker(&app, 1).await;
    app.wait_for_state(id, &[State::Completed]).await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_job_passes_what_can_wait() {
    let app = TestApp::start().await;
    let all: Vec<Bulk> = (0..2_000).map(|_| Bulk {}).collect();
    change(&app, async |tx| enqueue_all(tx, &all).await.unwrap()).await;
    let worker = worker(&app, 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut took = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let id = app.put(&Urgent {}).await;
        app.wait_for_state(id, &[State::Completed]).await;
        took.push(began.elapsed());
    }
    took.sort();
    assert!(took[9] < AT_ONCE, "{took:?}");
    assert_eq!(ledger::unfinished(&app.db).await.unwrap().len(), 200, "hundreds are still waiting");
    worker.stop().await;
    app.discard().await;
}

/// The backlog's jobs take a while, so that the other tenant's one would wait for hours at the end of the queue.
#[tokio::test(flavor = "multi_thread")]
async fn one_job_does_not_wait_for_a_hundred_thousand_of_another_tenant() {
    let app = TestApp::start().await;
    let test = Uuid::now_v7();
    let (greedy, modest) = (UserId::new(), UserId::new());
    let backlog = vec![Stint { test, tenant: Some(greedy), millis: 20 }; 5_000];
    for _ in 0..20 {
        put_all(&app, &backlog).await;
    }
    let worker = worker(&app, 4).await;
    while notes(test).len() < 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut waits = Vec::new();
    for _ in 0..20 {
        let (id, began) = (app.put(&Stint { test, tenant: Some(modest), millis: 1 }).await, Instant::now());
        app.wait_for_state(id, &[State::Completed]).await;
        waits.push(began.elapsed());
    }
    waits.sort();
    assert!(waits[19] < AT_ONCE, "{waits:?}");
    assert!(notes(test).len() < 20_000, "the backlog is still there");
    worker.stop().await;
    app.discard().await;
}
