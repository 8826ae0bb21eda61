//! A thousand at once: failures by their cause, bulk actions that survive their worker, and the live pages.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use domain::{
    review::ReviewPolicy,
    user::{Role, UserStatus},
};
use futures::{StreamExt, stream};
use infra::db::audit_log;
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, Registry, Run, enqueue_all,
    ids::JobId,
    ledger::{
        self, State,
        history::timeline,
        list::{self, Filter},
    },
};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::{
    TestApp, User,
    app::PATIENCE,
    events::{Event, EventStream},
};
use tokio::sync::Notify;
use uuid::Uuid;

const JOBS: u64 = 10_000;

static HEALED: AtomicBool = AtomicBool::new(false);

/// Fails for one of three reasons until the reasons are gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ailing {
    n: u64,
}

impl Job<Context> for Ailing {
    const KIND: &'static str = "test_ailing";
    const QUEUE: Queue = jobs::queues::SEARCH;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        if HEALED.load(Ordering::SeqCst) {
            return Ok(Outcome::Done);
        }
        Err(match self.n % 3 {
            0 => JobError::discard_as("index", anyhow::anyhow!("index {} has no shard", self.n)),
            1 => JobError::discard_as("index", anyhow::anyhow!("mapping of document {} does not fit", self.n)),
            _ => JobError::discard_as("quota", anyhow::anyhow!("disk {} is full", self.n)),
        })
    }
}

static UPKEEP_ENDS: Notify = Notify::const_new();

/// Upkeep that takes hours.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Upkeep {
    n: u64,
}

impl Job<Context> for Upkeep {
    const KIND: &'static str = "test_upkeep";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        UPKEEP_ENDS.notified().await;
        Ok(Outcome::Done)
    }
}

/// Somebody waits for a bulk action: upkeep that fills its queue's slots for hours does not hold it up.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_action_does_not_wait_for_upkeep() {
    let app = TestApp::start().await;
    let operator = app.user("ops", Role::Operator).await;
    let registry = jobs::registry().with::<Upkeep>();
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, registry).await;
    let mut upkeep = Vec::new();
    // As many as the queue has slots, and some more.
    for n in 0..4 {
        upkeep.push(app.put(&Upkeep { n }).await);
    }
    let started = Instant::now();
    loop {
        let rows = stream::iter(&upkeep).then(|id| ledger::get(&app.db, *id)).collect::<Vec<_>>().await;
        if rows.iter().filter(|row| row.as_ref().unwrap().as_ref().unwrap().state == State::Running).count() == 2 {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{rows:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let request = json!({"action": "cancel", "filter": {"kind": "send_email"}, "reason": "a test", "dry_run": false});
    let answer = operator.post(&app, "/api/v1/admin/jobs/bulk", &request).await;
    let id = answer.data(StatusCode::ACCEPTED)["bulk"]["id"].as_str().unwrap().to_owned();
    bulk(&app, &operator, &id, |bulk| !bulk["finished_at"].is_null()).await;
    for _ in &upkeep {
        UPKEEP_ENDS.notify_one();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while !ledger::unfinished(&app.db).await.unwrap().is_empty() {
        UPKEEP_ENDS.notify_waiters();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.stop().await;
    app.finish().await;
}

async fn count(app: &TestApp, state: State) -> u64 {
    let filter = Filter { states: vec![state], kind: Some(Ailing::KIND.into()), ..Filter::default() };
    let total = list::count(&app.db, &filter).await.unwrap();
    assert!(!total.capped);
    total.count
}

async fn wait_for(app: &TestApp, state: State, expected: u64) {
    let started = Instant::now();
    while count(app, state).await != expected {
        // Ten thousand runs, on a machine that may be busy.
        assert!(started.elapsed() < PATIENCE * 4, "{} jobs are {state}, not {expected}", count(app, state).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The bulk action once `done` says so.
async fn bulk(app: &TestApp, user: &User, id: &str, done: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let answer = user.get(app, &format!("/api/v1/admin/jobs/bulk/{id}")).await;
        let bulk = answer.data(StatusCode::OK);
        if done(bulk) {
            return bulk.clone();
        }
        // Thousands of jobs, on a machine that may be busy.
        assert!(started.elapsed() < PATIENCE * 4, "{bulk:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn groups(app: &TestApp, user: &User) -> Vec<Value> {
    let answer = user.get(app, "/api/v1/admin/jobs/errors?kind=test_ailing").await;
    answer.data(StatusCode::OK).as_array().unwrap().clone()
}

fn open(group: &Value) -> u64 {
    assert_eq!(group["open"]["capped"], false);
    group["open"]["count"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_failures_of_three_causes_are_retried_once_each_although_the_worker_is_killed() {
    let app = TestApp::start().await;
    let operator = app.user("olga", Role::Operator).await;
    let all: Vec<Ailing> = (0..JOBS).map(|n| Ailing { n }).collect();
    for batch in all.chunks(1_000) {
        let mut tx = app.db.begin().await.unwrap();
        enqueue_all(&mut tx, batch).await.unwrap();
        tx.commit().await.unwrap();
    }
    let registry = || Registry::new(jobs::QUEUES).with::<Ailing>();
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, registry()).await;
    wait_for(&app, State::Discarded, JOBS).await;

    // Three causes, whatever the numbers in their messages.
    let started = Instant::now();
    let found = loop {
        let found = groups(&app, &operator).await;
        if found.iter().map(|group| group["failures"].as_u64().unwrap()).sum::<u64>() == JOBS {
            break found;
        }
        assert!(started.elapsed() < PATIENCE, "{found:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // Not before: the last statistics of a process that ends are given up where the database is slow.
    worker.stop().await;
    assert_eq!(found.len(), 3, "{found:#?}");
    let mut opens: Vec<u64> = found.iter().map(open).collect();
    opens.sort_unstable();
    assert_eq!(opens, [3_333, 3_333, 3_334]);
    for group in &found {
        assert_eq!(group["first_version"], "test");
        assert!(group["sample"].as_str().is_some_and(|text| !text.is_empty()), "{group:#}");
        let fingerprint = group["fingerprint"].as_str().unwrap();
        let answer = operator.get(&app, &format!("/api/v1/admin/jobs?fingerprint={fingerprint}&limit=1")).await;
        assert_eq!(answer.body["meta"]["total"], open(group));
    }

    // Looked at first: nothing changes.
    let mut request = json!({
        "action": "retry", "filter": {"fingerprint": found[0]["fingerprint"]}, "reason": "the disk has room again",
        "per_second": 1000, "dry_run": true,
    });
    let answer = operator.post(&app, "/api/v1/admin/jobs/bulk", &request).await;
    let looked = answer.data(StatusCode::OK);
    assert_eq!(looked["matched"], json!({"count": open(&found[0]), "capped": false}));
    assert_eq!((looked["sample"].as_array().unwrap().len(), &looked["bulk"]), (10, &Value::Null));
    assert_eq!(count(&app, State::Discarded).await, JOBS);

    request["filter"] = json!({"kind": "test_ailing"});
    request["dry_run"] = json!(false);
    let answer = operator.post(&app, "/api/v1/admin/jobs/bulk", &request).await;
    let begun = answer.data(StatusCode::ACCEPTED);
    let (id, job) = (begun["bulk"]["id"].as_str().unwrap().to_owned(), begun["bulk"]["job_id"].as_str().unwrap());
    assert_eq!(answer.location(), format!("/api/v1/jobs/{job}"));
    assert_eq!(begun["matched"], json!({"count": JOBS, "capped": false}));
    // One that fails later is left alone.
    let later = app.put(&Ailing { n: JOBS }).await;
    let kit = app.kit_with(ReviewPolicy::FlaggedOnly, registry()).await;
    assert_eq!(kit.run_one(later).await.state, State::Discarded);

    // Killed in the middle; another one goes on where it was.
    let mine = [("WORKER_QUEUES", "bulk=2")];
    let mut worker = app.worker_process_with("first", &mine).await;
    bulk(&app, &operator, &id, |bulk| bulk["changed"].as_u64().unwrap() >= 2_000).await;
    worker.kill().await.unwrap();
    let halted = bulk(&app, &operator, &id, |_| true).await;
    let changed = halted["changed"].as_u64().unwrap();
    assert!((2_000..JOBS).contains(&changed) && halted["finished_at"].is_null(), "{halted:#}");
    assert_eq!(count(&app, State::Available).await, changed, "the count is what was done");
    let mut worker = app.worker_process_with("second", &mine).await;
    let done = bulk(&app, &operator, &id, |bulk| !bulk["finished_at"].is_null()).await;
    worker.terminate(Duration::from_secs(20)).await.unwrap();
    assert_eq!((&done["changed"], &done["skipped"]), (&json!(JOBS), &json!(0)));
    assert_eq!(count(&app, State::Available).await, JOBS);
    assert_eq!(count(&app, State::Discarded).await, 1);

    // Once each, by whom and why.
    let filter = Filter { states: vec![State::Available], kind: Some(Ailing::KIND.into()), ..Filter::default() };
    let mut after = JobId(Uuid::nil());
    let mut retried = 0;
    loop {
        let step = list::step(&app.db, &filter, after, JobId(Uuid::max()), 500).await.unwrap();
        let stories = stream::iter(step.ids).map(|id| timeline::of(&app.db, id)).buffer_unordered(4);
        let stories: Vec<_> = stories.collect().await;
        for story in stories {
            let actions = story.unwrap().actions;
            assert_eq!(actions.len(), 1, "{actions:?}");
            assert_eq!(actions[0].actor.unwrap().to_string(), operator.id);
            assert_eq!(actions[0].reason, "the disk has room again");
            retried += 1;
        }
        let Some(next) = step.next else { break };
        after = next;
    }
    assert_eq!(retried, JOBS);

    // Written down at its beginning and at its end.
    for (action, actor) in [("jobs.bulk", Some(operator.id.clone())), ("jobs.bulk_finished", None)] {
        let filter = audit_log::Filter { action: Some(action.into()), ..audit_log::Filter::default() };
        let (rows, _) = audit_log::page(&app.db, &filter, 0, 10).await.unwrap();
        assert_eq!(rows.len(), 1, "{action}");
        assert_eq!(rows[0].entry.target_id.unwrap().to_string(), id);
        assert_eq!(rows[0].entry.actor_id.map(|actor| actor.to_string()), actor);
    }

    // Healed, all of them complete, and no cause is open but the later one's.
    HEALED.store(true, Ordering::SeqCst);
    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, registry()).await;
    for state in [State::Available, State::Running, State::Retryable] {
        wait_for(&app, state, 0).await;
    }
    worker.stop().await;
    assert_eq!(count(&app, State::Discarded).await, 1, "all but the later one have completed");
    let opens: BTreeMap<String, u64> =
        groups(&app, &operator).await.iter().map(|group| (group["sample"].to_string(), open(group))).collect();
    assert_eq!(opens.values().sum::<u64>(), 1, "{opens:?}");
    app.discard().await;
}

async fn live(app: &TestApp, user: &User, query: &str, last: Option<&str>) -> EventStream {
    EventStream::open(app, user, &format!("/api/v1/admin/jobs/events{query}"), last).await
}

fn available(event: &Event) -> Value {
    assert_eq!(event.kind, "queues");
    let queues = event.data["queues"].as_array().unwrap();
    queues.iter().find(|queue| queue["name"] == "search").unwrap()["counts"]["available"]["count"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn live_pages_show_what_changes_and_repeat_nothing() {
    let app = TestApp::start().await;
    let moderator = app.user("mona", Role::Moderator).await;
    let mut stream = live(&app, &moderator, "", None).await;
    let mut topics = Vec::new();
    let mut last = String::new();
    for _ in 0..3 {
        let event = stream.next().await.unwrap();
        topics.push(event.kind);
        last = event.id;
    }
    topics.sort();
    assert_eq!(topics, ["errors", "queues", "workers"]);

    app.put(&Ailing { n: 1 }).await;
    let changed = stream.next().await.unwrap();
    assert_eq!(available(&changed), 1);
    assert_ne!(changed.id, last);

    // Who comes back with what was seen last gets nothing again, only what changed meanwhile.
    drop(stream);
    app.put(&Ailing { n: 2 }).await;
    let mut back = live(&app, &moderator, "", Some(&changed.id)).await;
    let next = back.next().await.unwrap();
    assert_eq!(available(&next), 2);
    let mut up_to_date = live(&app, &moderator, "?topics=queues,errors", Some(&next.id)).await;
    app.put(&Ailing { n: 3 }).await;
    assert_eq!(available(&up_to_date.next().await.unwrap()), 3);
    assert_eq!(available(&back.next().await.unwrap()), 3);

    // The overview comes to those who ask for it, and says the same of everything at once.
    let mut overview = live(&app, &moderator, "?topics=overview", None).await;
    let mut whole = overview.next().await.unwrap();
    assert_eq!(whole.kind, "overview");
    // The queues of a look are told before its overview: whoever comes in between begins with the one of the look before.
    while whole.data["figures"]["waiting"]["count"] != 3 {
        whole = overview.next().await.expect("it goes on");
    }
    assert_eq!(whole.data["health"]["verdict"], "no_workers");
    app.put(&Ailing { n: 4 }).await;
    // Another figure may have changed first.
    while overview.next().await.expect("it goes on").data["figures"]["waiting"]["count"] != 4 {}
    assert_eq!(available(&back.next().await.unwrap()), 4);

    // The right to read ends: so do the streams.
    tests::database::set_user_status(&app.db, moderator.id.parse().unwrap(), UserStatus::Suspended).await.unwrap();
    let ended = Instant::now();
    while back.next().await.is_some() {}
    assert!(ended.elapsed() < Duration::from_secs(60), "{:?}", ended.elapsed());
    app.discard().await;
}
