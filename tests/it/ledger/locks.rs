//! Locks of others: a row that somebody holds stalls nobody else's claim or completion, and nothing starts once a pause has
//! committed.

use std::time::Duration;

use jobs::{Context, RemoveObject};
use queue::{
    enqueue_all,
    ids::JobId,
    ledger::{
        self, Claimant, State,
        controls::{
            self,
            pauses::{self, Scope},
        },
    },
};
use tests::TestApp;

async fn put_many(app: &TestApp, number: usize) -> Vec<JobId> {
    let jobs: Vec<_> = (0..number).map(|n| RemoveObject { key: format!("uploads/{n}.zip") }).collect();
    let mut tx = app.db.begin().await.unwrap();
    let ids = enqueue_all::<_, Context>(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_is_passed_over_by_claims_and_completions() {
    let app = TestApp::start().await;
    let ids = put_many(&app, 50).await;
    let worker = app.enrol("by hand", "maintenance").await;
    let mut holder = app.db.begin().await.unwrap();
    sqlx::query("SELECT id FROM jobs WHERE id = ? FOR UPDATE").bind(ids[7]).fetch_one(&mut *holder).await.unwrap();

    let claimed = ledger::claim(&app.db, worker, ids.clone()).await.unwrap();
    let taken: Vec<JobId> = claimed.iter().map(|job| job.id).collect();
    let free: Vec<JobId> = ids.iter().copied().filter(|id| *id != ids[7]).collect();
    assert_eq!(taken, free, "all but the one that is held, in the order of their tickets");
    holder.rollback().await.unwrap();
    assert_eq!(ledger::claim(&app.db, worker, vec![ids[7]]).await.unwrap().len(), 1);

    // Now somebody holds the row of one that runs.
    let mut holder = app.db.begin().await.unwrap();
    sqlx::query("SELECT id FROM jobs WHERE id = ? FOR UPDATE").bind(ids[9]).fetch_one(&mut *holder).await.unwrap();
    let fences: Vec<_> = claimed.iter().map(|job| job.fence).collect();
    let incomplete = ledger::complete_all(&app.db, &fences).await.unwrap();
    assert!(incomplete.refused.is_empty());
    assert_eq!(incomplete.left.iter().map(|fence| fence.job).collect::<Vec<_>>(), [ids[9]]);
    holder.rollback().await.unwrap();
    assert!(ledger::complete_all(&app.db, &incomplete.left).await.unwrap().left.is_empty());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_a_locked_head_drains_on_a_real_worker() {
    let app = TestApp::start().await;
    let ids = put_many(&app, 40).await;
    let mut holder = app.db.begin().await.unwrap();
    sqlx::query("SELECT id FROM jobs WHERE id = ? FOR UPDATE").bind(ids[0]).fetch_one(&mut *holder).await.unwrap();
    let worker = app.worker().await;
    for id in &ids[1..] {
        app.wait_for_state(*id, &[State::Completed]).await;
    }
    assert_eq!(ledger::get(&app.db, ids[0]).await.unwrap().unwrap().state, State::Available);
    holder.rollback().await.unwrap();
    app.wait_for_state(ids[0], &[State::Completed]).await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_once_a_pause_has_committed() {
    let app = TestApp::start().await;
    let ids = put_many(&app, 16).await;
    let worker = app.enrol("by hand", "maintenance").await;
    let known = controls::load(&app.db).await.unwrap();
    let mut pausing = app.db.begin().await.unwrap();
    pauses::pause(&mut pausing, Scope::Queue, "maintenance", "a test", None, None).await.unwrap();
    // The claim begins before the pause commits, with the controls of before.
    let claiming = tokio::spawn({
        let (db, ids) = (app.db.clone(), ids.clone());
        async move { ledger::claim_within(&db, &Claimant::of_anything(worker), ids, &known).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!claiming.is_finished(), "it waits to hear whether the pause comes");
    pausing.commit().await.unwrap();
    assert!(claiming.await.unwrap().is_empty());
    for id in ids {
        assert_eq!(ledger::get(&app.db, id).await.unwrap().unwrap().state, State::Available);
    }
    app.discard().await;
}
