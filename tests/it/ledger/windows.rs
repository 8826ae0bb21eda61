//! Requests of one unique key: windows that outlast a job, newer requests that count, and bursts that become one run.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use db::Tx;
use jobs::Context;
use queue::{
    EnqueueError, Job, JobError, Outcome, Queue, Reference, Run, enqueue, enqueue_in, enqueue_when_quiet,
    ids::JobId,
    ledger::{self, Action, By, JobRow, State, history::timeline},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tests::TestApp;
use uuid::Uuid;

/// Once an hour.
#[derive(Serialize, Deserialize)]
struct Hourly {}

impl Job<Context> for Hourly {
    const KIND: &'static str = "test_hourly";
    const QUEUE: Queue = jobs::queues::SEARCH;
    const UNIQUE_FOR: Option<Duration> = Some(Duration::from_secs(3_600));

    fn unique_key(&self) -> Option<String> {
        Some(String::new())
    }

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

/// Writes the newest text of a page.
#[derive(Serialize, Deserialize)]
struct Page {
    page: Uuid,
    text: u32,
}

static WRITTEN: LazyLock<Mutex<HashMap<Uuid, Vec<u32>>>> = LazyLock::new(Default::default);

impl Job<Context> for Page {
    const KIND: &'static str = "test_page";
    const QUEUE: Queue = jobs::queues::SEARCH;
    const NEWEST_COUNTS: bool = true;
    const DEADLINE: Option<Duration> = Some(Duration::from_secs(60));

    fn unique_key(&self) -> Option<String> {
        Some(self.page.to_string())
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("text", Uuid::from_u128(self.text.into()))]
    }

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        WRITTEN.lock().unwrap().entry(self.page).or_default().push(self.text);
        Ok(Outcome::Done)
    }
}

async fn change<T>(app: &TestApp, work: impl AsyncFnOnce(&mut Tx) -> T) -> T {
    let mut tx = app.db.begin().await.unwrap();
    let value = work(&mut tx).await;
    tx.commit().await.unwrap();
    value
}

async fn row(app: &TestApp, id: JobId) -> JobRow {
    ledger::get(&app.db, id).await.unwrap().unwrap()
}

async fn complete(app: &TestApp, id: JobId) {
    let worker = app.enrol("by hand", "search").await;
    let run = ledger::claim(&app.db, worker, vec![id]).await.unwrap().remove(0);
    ledger::finish(&app.db, &run.fence, None, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn within_its_window_a_job_stands_for_its_key_however_it_goes() {
    let app = TestApp::start().await;
    let first = app.put(&Hourly {}).await;
    assert_eq!(app.put(&Hourly {}).await, first, "it waits");
    let worker = app.enrol("by hand", "search").await;
    let run = ledger::claim(&app.db, worker, vec![first]).await.unwrap().remove(0);
    assert_eq!(app.put(&Hourly {}).await, first, "it runs");
    ledger::finish(&app.db, &run.fence, None, true).await.unwrap();
    assert_eq!(
        row(&app, first).await.state,
        State::Completed,
        "and does not run again for a request within its window"
    );
    assert_eq!(app.put(&Hourly {}).await, first, "it has completed");

    // Many at once, of a new key.
    sqlx::query("DELETE FROM unique_windows").execute(app.db.pool()).await.unwrap();
    let requests = (0..8).map(|_| {
        let db = app.db.clone();
        tokio::spawn(async move {
            let mut tx = db.begin().await.unwrap();
            let id = enqueue(&mut tx, &Hourly {}).await.unwrap();
            tx.commit().await.unwrap();
            id
        })
    });
    let mut ids = Vec::new();
    for request in requests {
        ids.push(request.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let second = ids[0];

    // One that was given up stands for nothing.
    change(&app, async |tx| ledger::operate(tx, second, Action::Discard, &By::system("a test")).await.unwrap()).await;
    let third = app.put(&Hourly {}).await;
    assert_ne!(third, second);
    // Once the window is over, one that still waits is the one all the same, and one that has ended is not.
    let over = "UPDATE unique_windows SET until_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND";
    sqlx::query(over).execute(app.db.pool()).await.unwrap();
    assert_eq!(app.put(&Hourly {}).await, third);
    complete(&app, third).await;
    assert_eq!(app.put(&Hourly {}).await, third, "a new window began with that request");
    sqlx::query(over).execute(app.db.pool()).await.unwrap();
    assert_ne!(app.put(&Hourly {}).await, third);
    sqlx::query(over).execute(app.db.pool()).await.unwrap();
    assert_eq!(ledger::prune_windows(&app.db).await.unwrap(), 1);
    // One that was given up and pruned stands for nothing either, however long its window.
    let fourth = app.put(&Hourly {}).await;
    change(&app, async |tx| ledger::operate(tx, fourth, Action::Discard, &By::system("a test")).await.unwrap()).await;
    let (soon, all) = (Utc::now() + TimeDelta::seconds(2), JobId(Uuid::nil()));
    assert!(ledger::prune(&app.db, queue::LedgerDays::of(0), soon, all).await.unwrap().unwrap().jobs > 0);
    assert!(ledger::get(&app.db, fourth).await.unwrap().is_none());
    let fifth = app.put(&Hourly {}).await;
    assert_ne!(fifth, fourth);
    assert!(ledger::get(&app.db, fifth).await.unwrap().is_some());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_newest_request_counts_it_takes_the_place_of_one_that_has_not_begun() {
    let app = TestApp::start().await;
    let page = Uuid::now_v7();
    let id =
        change(&app, async |tx| enqueue_in(tx, &Page { page, text: 1 }, Duration::from_secs(600)).await.unwrap()).await;
    let later =
        change(&app, async |tx| enqueue_in(tx, &Page { page, text: 2 }, Duration::from_secs(900)).await.unwrap()).await;
    assert_eq!(later, id);
    let moved = row(&app, id).await;
    assert!((moved.run_at - moved.created_at - TimeDelta::seconds(900)).abs() < TimeDelta::seconds(5), "{moved:?}");
    let deadline: DateTime<Utc> = sqlx::query_scalar("SELECT deadline_at FROM jobs WHERE id = ?")
        .bind(id)
        .fetch_one(app.db.pool())
        .await
        .unwrap();
    assert_eq!(deadline - moved.run_at, TimeDelta::seconds(60));
    assert_eq!(app.put(&Page { page, text: 3 }).await, id);
    assert_eq!(row(&app, id).await.state, State::Available, "at once means at once");
    let story = timeline::of(&app.db, id).await.unwrap();
    assert_eq!(story.args, Some(json!({"page": page, "text": 3})));
    assert_eq!(story.references, [("text".to_owned(), Uuid::from_u128(3))]);

    // Of one that runs, they count for the next run.
    let worker = app.enrol("by hand", "search").await;
    let run = ledger::claim(&app.db, worker, vec![id]).await.unwrap().remove(0);
    app.put(&Page { page, text: 4 }).await;
    ledger::finish(&app.db, &run.fence, None, true).await.unwrap();
    let next = ledger::claim(&app.db, worker, vec![id]).await.unwrap().remove(0);
    assert_eq!((run.args["text"].as_u64(), next.args["text"].as_u64()), (Some(3), Some(4)));
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_requests_becomes_one_run_after_it() {
    let app = TestApp::start().await;
    let page = Uuid::now_v7();
    let (quiet, at_most) = (Duration::from_secs(5), Duration::from_secs(12));
    let ask = async |text: u32| {
        change(&app, async |tx| enqueue_when_quiet(tx, &Page { page, text }, quiet, at_most).await.unwrap()).await
    };
    let id = ask(1).await;
    let first = row(&app, id).await;
    assert_eq!((first.state, first.run_at - first.created_at), (State::Scheduled, TimeDelta::seconds(5)));
    // Four seconds ago, that is.
    let ago =
        "UPDATE jobs SET created_at = created_at - INTERVAL ? SECOND, run_at = run_at - INTERVAL ? SECOND WHERE id = ?";
    sqlx::query(ago).bind(4).bind(4).bind(id).execute(app.db.pool()).await.unwrap();
    assert_eq!(ask(2).await, id);
    let second = row(&app, id).await;
    let waits = second.run_at - Utc::now();
    assert!(
        waits > TimeDelta::seconds(3) && waits <= TimeDelta::seconds(5),
        "quiet for five seconds from here: {waits}"
    );
    sqlx::query(ago).bind(4).bind(4).bind(id).execute(app.db.pool()).await.unwrap();
    ask(3).await;
    let last = row(&app, id).await;
    assert_eq!(last.run_at - last.created_at, TimeDelta::seconds(12), "but no longer than that after the first");
    sqlx::query(ago).bind(12).bind(12).bind(id).execute(app.db.pool()).await.unwrap();
    assert_eq!(
        app.kit_with(domain::review::ReviewPolicy::FlaggedOnly, jobs::registry().with::<Page>())
            .await
            .run_one(id)
            .await
            .state,
        State::Completed
    );
    assert_eq!(WRITTEN.lock().unwrap()[&page], [3]);

    // A start that waits for a service, or that the handler asked for, is not hastened by a further request.
    let id = ask(4).await;
    sqlx::query("UPDATE jobs SET runs = 1, run_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE id = ?")
        .bind(id)
        .execute(app.db.pool())
        .await
        .unwrap();
    let waits = row(&app, id).await.run_at;
    assert_eq!((ask(5).await, row(&app, id).await.run_at), (id, waits));
    assert_eq!((app.put(&Page { page, text: 6 }).await, row(&app, id).await.run_at), (id, waits));

    let nameless =
        change(&app, async |tx| enqueue_when_quiet(tx, &jobs::RemoveObject { key: "k".into() }, quiet, at_most).await)
            .await;
    assert!(matches!(nameless, Err(EnqueueError::NotUnique { .. })), "{nameless:?}");
    app.discard().await;
}
