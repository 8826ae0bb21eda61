//! Long and perishable work: checkpoints that the next attempt goes on from, and deadlines after which there is none.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use domain::review::ReviewPolicy;
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, Registry, RetryPolicy, Run, class,
    ids::JobId,
    ledger::{self, Action, By, State, history::attempts},
};
use serde::{Deserialize, Serialize};
use tests::{TestApp, kit::Kit};
use uuid::Uuid;

/// What was done, by test and in order.
static DONE: LazyLock<Mutex<HashMap<Uuid, Vec<u32>>>> = LazyLock::new(Default::default);

fn done(test: Uuid) -> Vec<u32> {
    DONE.lock().unwrap().get(&test).cloned().unwrap_or_default()
}

/// A rerun does all of the work again, and so does a request that came while a run that failed was under way.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_anew_gets_the_work_from_its_beginning() {
    let app = TestApp::start().await;
    let kit = app.kit_with(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Long>()).await;
    let test = Uuid::now_v7();
    let id = app.put(&Long { test }).await;
    assert_eq!(kit.run_one(id).await.state, State::Retryable);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(kit.run_one(id).await.state, State::Completed);
    assert_eq!(done(test), [0, 1, 2, 3, 4]);
    let mut tx = app.db.begin().await.unwrap();
    ledger::operate(&mut tx, id, Action::Rerun, &By::system("a test")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    kit.run_one(id).await;
    assert_eq!(done(test), [0, 1, 2, 3, 4, 0, 1, 2]);

    let kept = async || tests::database::number(&app.db, "SELECT COUNT(*) FROM job_checkpoints").await.unwrap();
    assert_eq!(kept().await, 1);
    let worker = app.enrol("by hand", "maintenance").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    ledger::promote(&app.db, 10).await.unwrap();
    let run = ledger::claim(&app.db, worker, vec![id]).await.unwrap().remove(0);
    app.put(&Long { test }).await;
    ledger::hand_back(&app.db, &run.fence).await.unwrap();
    assert_eq!(kept().await, 0, "asked for again while it ran");
    app.discard().await;
}

/// Five steps, of which a run does three at most.
#[derive(Serialize, Deserialize)]
struct Long {
    test: Uuid,
}

impl Job<Context> for Long {
    const KIND: &'static str = "test_long";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy =
        RetryPolicy { max_failures: 5, base: Duration::from_millis(1), max: Duration::from_millis(1) };

    fn unique_key(&self) -> Option<String> {
        Some(self.test.to_string())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let from: u32 = run.resume(context).await?.unwrap_or(0);
        for step in from..5 {
            if step - from == 3 {
                return Err(JobError::failed(anyhow::anyhow!("killed in the middle")));
            }
            DONE.lock().unwrap().entry(self.test).or_default().push(step);
            if step == 1 {
                let mut tx = run.transaction(context).await?;
                run.checkpoint_in(&mut tx, &(step + 1)).await?;
                tx.commit().await?;
            } else {
                run.checkpoint(context, &(step + 1)).await?;
            }
        }
        Ok(Outcome::Done)
    }
}

/// Reads the same kind's checkpoints with arguments of another shape.
#[derive(Serialize, Deserialize)]
struct LongOfTomorrow {
    test: Uuid,
}

impl Job<Context> for LongOfTomorrow {
    const KIND: &'static str = Long::KIND;
    const VERSION: u16 = 2;
    const QUEUE: Queue = jobs::queues::MAINTENANCE;

    fn upgrade(_: u16, args: serde_json::Value) -> Option<serde_json::Value> {
        Some(args)
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        assert_eq!(run.resume::<u32, _>(context).await?, None, "a position of other arguments");
        DONE.lock().unwrap().entry(self.test).or_default().push(100);
        Ok(Outcome::Done)
    }
}

async fn kit(app: &TestApp, registry: Registry<Context>) -> Kit {
    app.kit_with(ReviewPolicy::FlaggedOnly, registry).await
}

async fn retry(app: &TestApp, id: JobId) {
    let mut tx = app.db.begin().await.unwrap();
    ledger::operate(&mut tx, id, Action::Retry, &By::system("a test")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_attempt_goes_on_where_the_last_one_stopped() {
    let app = TestApp::start().await;
    let kit_today = kit(&app, Registry::new(jobs::QUEUES).with::<Long>()).await;
    let test = Uuid::now_v7();
    let id = app.put(&Long { test }).await;
    assert_eq!(kit_today.run_one(id).await.state, State::Retryable);
    assert_eq!(done(test), [0, 1, 2]);
    retry(&app, id).await;
    assert_eq!(kit_today.run_one(id).await.state, State::Completed);
    assert_eq!(done(test), [0, 1, 2, 3, 4], "nothing twice");

    // Asked for again while it runs: the second request begins at the beginning.
    let test = Uuid::now_v7();
    let id = app.put(&Long { test }).await;
    kit_today.run_one(id).await;
    retry(&app, id).await;
    let worker = app.enrol("by hand", "maintenance").await;
    let held = ledger::claim(&app.db, worker, vec![id]).await.unwrap().remove(0);
    app.put(&Long { test }).await;
    ledger::finish(&app.db, &held.fence, None, false).await.unwrap();
    kit_today.run_one(id).await;
    assert_eq!(done(test), [0, 1, 2, 0, 1, 2]);

    // A build with other arguments does not read it.
    retry(&app, id).await;
    let tomorrow = kit(&app, Registry::new(jobs::QUEUES).with::<LongOfTomorrow>()).await;
    assert_eq!(tomorrow.run_one(id).await.state, State::Completed);
    assert_eq!(done(test), [0, 1, 2, 0, 1, 2, 100]);
    app.finish().await;
}

/// Keeps more than a position, or runs on after it was taken away.
#[derive(Serialize, Deserialize)]
struct Careless {
    bytes: usize,
}

impl Job<Context> for Careless {
    const KIND: &'static str = "test_careless";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 1, ..RetryPolicy::DEFAULT };

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        if self.bytes == 0 {
            ledger::hand_back(&context.db, &fence(context, run.job()).await).await.unwrap();
        }
        run.checkpoint(context, &"x".repeat(self.bytes)).await?;
        Ok(Outcome::Done)
    }
}

/// Of the run that holds the job now.
async fn fence(context: &Context, job: JobId) -> ledger::Fence {
    let row = ledger::get(&context.db, job).await.unwrap().unwrap();
    let held = ledger::owned_by(&context.db, row.worker_id.unwrap()).await.unwrap();
    held.into_iter().find(|fence| fence.job == job).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_small_and_only_of_the_run_that_holds_the_job() {
    let app = TestApp::start().await;
    let kit = kit(&app, Registry::new(jobs::QUEUES).with::<Careless>()).await;
    let big = kit.run_one(app.put(&Careless { bytes: 5_000 }).await).await;
    let said = big.last_error.unwrap();
    assert!(big.state == State::Discarded && said.contains("at most 4096 are kept"), "{said}");
    let lost = kit.run_one(app.put(&Careless { bytes: 0 }).await).await;
    assert_eq!(lost.state, State::Available, "it was handed back, and its run wrote nothing more");
    app.discard().await;
}

/// Of no use after a moment.
#[derive(Serialize, Deserialize)]
struct Perishable {
    test: Uuid,
    fails: bool,
}

impl Job<Context> for Perishable {
    const KIND: &'static str = "test_perishable";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const DEADLINE: Option<Duration> = Some(Duration::from_secs(1));

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        DONE.lock().unwrap().entry(self.test).or_default().push(1);
        if self.fails { Err(JobError::Transient(anyhow::anyhow!("the service is away"))) } else { Ok(Outcome::Done) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_late_is_given_up_and_what_waits_for_a_service_does_not_wait_for_ever() {
    let app = TestApp::start().await;
    let kit = kit(&app, Registry::new(jobs::QUEUES).with::<Perishable>()).await;
    let test = Uuid::now_v7();
    let in_time = app.put(&Perishable { test, fails: false }).await;
    assert_eq!(kit.run_one(in_time).await.state, State::Completed);

    let late = app.put(&Perishable { test, fails: false }).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let row = kit.run_one(late).await;
    assert_eq!((row.state, done(test).len()), (State::Discarded, 1), "it did not begin");
    assert_eq!(attempts::last_class(&app.db, late).await.unwrap().as_deref(), Some(class::DEADLINE));
    // Whoever retries it knows that it is late.
    retry(&app, late).await;
    assert_eq!(kit.run_one(late).await.state, State::Completed);

    let worker = app.worker_with(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Perishable>()).await;
    let test = Uuid::now_v7();
    let waiting = app.put(&Perishable { test, fails: true }).await;
    let row = app.wait_for_state(waiting, &[State::Discarded]).await;
    assert!(row.last_error.unwrap().contains("the service is away"));
    assert!((1..=4).contains(&done(test).len()), "{:?}", done(test));
    worker.stop().await;
    app.discard().await;
}
