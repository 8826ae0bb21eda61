//! Batches: the ledger enqueues, completes, hands back and prunes many jobs at once; and the lease of the leader.

use std::time::Duration;

use db::Db;
use jobs::{Context, RemoveObject, SendEmail};
use queue::{
    LedgerDays,
    builtin::PruneLedger,
    enqueue_all,
    ids::{JobId, WorkerId},
    ledger::{self, Incomplete, State, leases, workers},
};
use tests::TestApp;
use uuid::Uuid;

async fn register_worker(db: &Db) -> WorkerId {
    let worker = workers::NewWorker {
        id: Uuid::now_v7().into(),
        name: "test".into(),
        version: "test".into(),
        queues: "mail,maintenance".into(),
        slots: 1,
    };
    workers::register(db, &worker).await.unwrap();
    worker.id
}

async fn put_many(app: &TestApp, number: usize) -> Vec<JobId> {
    let jobs: Vec<_> = (0..number).map(|n| RemoveObject { key: format!("uploads/{n}.zip") }).collect();
    let mut tx = app.db.begin().await.unwrap();
    let ids = enqueue_all(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

async fn state(app: &TestApp, id: JobId) -> State {
    ledger::get(&app.db, id).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_enqueued_at_once_keep_their_order_arguments_and_references() {
    let app = TestApp::start().await;
    let user = Uuid::now_v7();
    let mails: Vec<_> =
        (0..1_203).map(|_| SendEmail { delivery_id: Uuid::now_v7().into(), user_id: Some(user.into()) }).collect();
    let mut tx = app.db.begin().await.unwrap();
    let ids = enqueue_all(&mut tx, &mails).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ledger::by_reference(&app.db, "user", user).await.unwrap().len(), 200, "as many as are shown");

    let worker = register_worker(&app.db).await;
    let claimed = ledger::claim(&app.db, worker, ids[1_000..1_003].to_vec()).await.unwrap();
    let delivery_ids: Vec<String> =
        claimed.iter().map(|job| job.args["delivery_id"].as_str().unwrap().into()).collect();
    let expected: Vec<String> = mails[1_000..1_003].iter().map(|mail| mail.delivery_id.0.to_string()).collect();
    assert_eq!(delivery_ids, expected);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unique_jobs_among_many_are_there_once() {
    let app = TestApp::start().await;
    let mut tx = app.db.begin().await.unwrap();
    let ids = enqueue_all::<_, Context>(&mut tx, &[PruneLedger {}, PruneLedger {}]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ledger::unfinished(&app.db).await.unwrap().len(), 1);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_cannot_break_out_of_their_statement() {
    let app = TestApp::start().await;
    let key = "a'); DROP TABLE jobs; -- \\ \" \u{1F600} \0".to_owned();
    let mut tx = app.db.begin().await.unwrap();
    let ids = enqueue_all(&mut tx, &[RemoveObject { key: key.clone() }]).await.unwrap();
    tx.commit().await.unwrap();
    let worker = register_worker(&app.db).await;
    let claimed = ledger::claim(&app.db, worker, ids).await.unwrap();
    assert_eq!(claimed[0].args["key"], key.as_str());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_completes_what_is_its_own_and_refuses_the_rest() {
    let app = TestApp::start().await;
    let ids = put_many(&app, 20).await;
    let (first, second) = (register_worker(&app.db).await, register_worker(&app.db).await);
    let mut fences: Vec<_> =
        ledger::claim(&app.db, first, ids.clone()).await.unwrap().iter().map(|job| job.fence).collect();
    fences.sort_by_key(|fence| fence.job);
    // Five are taken away; two of them run elsewhere now.
    ledger::hand_back_unstarted(&app.db, &fences[..5]).await.unwrap();
    let elsewhere: Vec<JobId> = fences[..2].iter().map(|fence| fence.job).collect();
    assert_eq!(ledger::claim(&app.db, second, elsewhere.clone()).await.unwrap().len(), 2);

    // The answer was lost, and it is sent again: nothing changes.
    for _ in 0..2 {
        let incomplete = ledger::complete_all(&app.db, &fences).await.unwrap();
        assert_eq!((&incomplete.refused[..], &incomplete.left[..]), (&fences[..5], &[][..]));
    }
    for fence in &fences[5..] {
        assert_eq!(state(&app, fence.job).await, State::Completed);
    }
    for job in elsewhere {
        assert_eq!(state(&app, job).await, State::Running);
    }
    assert_eq!(state(&app, fences[3].job).await, State::Available);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batched_completion_runs_a_unique_job_again_that_was_enqueued_meanwhile() {
    let app = TestApp::start().await;
    let worker = register_worker(&app.db).await;
    let mut tx = app.db.begin().await.unwrap();
    let id = queue::enqueue::<_, Context>(&mut tx, &PruneLedger {}).await.unwrap();
    tx.commit().await.unwrap();
    let fence = ledger::claim(&app.db, worker, vec![id]).await.unwrap()[0].fence;
    let mut tx = app.db.begin().await.unwrap();
    assert_eq!(queue::enqueue::<_, Context>(&mut tx, &PruneLedger {}).await.unwrap(), id);
    tx.commit().await.unwrap();
    assert_eq!(ledger::complete_all(&app.db, &[fence]).await.unwrap().left, [fence], "not with the others");
    for _ in 0..2 {
        ledger::finish(&app.db, &fence, None, true).await.unwrap();
        assert_eq!(state(&app, id).await, State::Available);
        assert_eq!(ledger::complete_all(&app.db, &[fence]).await.unwrap(), Incomplete::default());
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_takes_old_finished_jobs_only_and_all_that_belongs_to_them() {
    let app = TestApp::start().await;
    let ids = put_many(&app, 450).await;
    let worker = register_worker(&app.db).await;
    let fences: Vec<_> =
        ledger::claim(&app.db, worker, ids[..430].to_vec()).await.unwrap().iter().map(|job| job.fence).collect();
    ledger::complete_all(&app.db, &fences[..420]).await.unwrap();

    let now = chrono::Utc::now() + chrono::TimeDelta::seconds(1);
    let (mut last, mut pruned) = (JobId(Uuid::nil()), 0);
    assert!(ledger::prune(&app.db, LedgerDays::of(1), now, last).await.unwrap().is_none(), "nothing is a day old");
    // Each state has its own time.
    sqlx::query("UPDATE jobs SET state = 'discarded' WHERE state = 'completed' LIMIT 20")
        .execute(app.db.pool())
        .await
        .unwrap();
    let days = LedgerDays { discarded: 1, ..LedgerDays::of(0) };
    while let Some(step) = ledger::prune(&app.db, days, now, last).await.unwrap() {
        assert!(step.jobs <= 100);
        (last, pruned) = (step.last, pruned + step.jobs);
    }
    assert_eq!(pruned, 400, "what was given up stays longer");
    last = JobId(Uuid::nil());
    while let Some(step) = ledger::prune(&app.db, LedgerDays::of(0), now, last).await.unwrap() {
        (last, pruned) = (step.last, pruned + step.jobs);
    }
    assert_eq!(pruned, 420);
    assert_eq!(ledger::unfinished(&app.db).await.unwrap().len(), 30, "running and waiting ones stay");
    app.discard().await;
}

/// What is kept longer than the rest must not be read anew for every hundred that go.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_pruning_looks_at_two_thousand_rows_whatever_is_kept() {
    let app = TestApp::start().await;
    put_many(&app, 4_500).await;
    let sql = "UPDATE jobs SET state = 'completed', finished_at = UTC_TIMESTAMP(6)";
    sqlx::query(sql).execute(app.db.pool()).await.unwrap();
    let last_one: JobId =
        sqlx::query_scalar("SELECT id FROM jobs ORDER BY id DESC LIMIT 1").fetch_one(app.db.pool()).await.unwrap();
    let sql = "UPDATE jobs SET state = 'cancelled' WHERE id = ?";
    sqlx::query(sql).bind(last_one).execute(app.db.pool()).await.unwrap();
    let now = chrono::Utc::now() + chrono::TimeDelta::seconds(2);
    let days = LedgerDays { cancelled: 0, ..LedgerDays::of(1) };
    let (mut last, mut steps, mut pruned) = (JobId(Uuid::nil()), 0, 0);
    while let Some(step) = ledger::prune(&app.db, days, now, last).await.unwrap() {
        assert!(step.last > last, "it gets on");
        (last, steps, pruned) = (step.last, steps + 1, pruned + step.jobs);
    }
    assert_eq!((steps, pruned), (3, 1));
    assert!(ledger::get(&app.db, last_one).await.unwrap().is_none());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_leads_and_another_takes_over() {
    let app = TestApp::start().await;
    let names = ["feed:mail".to_owned(), "sweep".to_owned()];
    let (first, second) = (register_worker(&app.db).await, register_worker(&app.db).await);
    assert_eq!(leases::hold(&app.db, first, &names).await.unwrap().held.len(), 2);
    assert!(leases::hold(&app.db, second, &names).await.unwrap().held.is_empty());
    assert_eq!(leases::hold(&app.db, first, &names).await.unwrap().held.len(), 2);
    leases::release(&app.db, first).await.unwrap();
    assert_eq!(leases::hold(&app.db, second, &names).await.unwrap().held.len(), 2, "at once after a good end");
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    assert_eq!(
        leases::hold(&app.db, first, &names).await.unwrap().held.len(),
        2,
        "and after a death, some seconds later"
    );
    app.discard().await;
}
