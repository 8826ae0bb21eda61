//! Unique keys: a request that meets a running job is a promise, a cancel is meant for one run, a retry gets its key back.

use std::time::Duration;

use jobs::Context;
use queue::{
    Flow, Job, JobError, Outcome, Queue, Run, enqueue,
    ids::JobId,
    ledger::{
        self, Action, By, Change, Claimed, Ending, Fenced, Next, Operated, State,
        controls::asked_of,
        flows,
        history::attempts::{self, Outcome as Attempt},
    },
};
use serde::{Deserialize, Serialize};
use tests::TestApp;

/// One at a time of each number.
#[derive(Serialize, Deserialize)]
struct Single {
    number: u32,
}

impl Job<Context> for Single {
    const KIND: &'static str = "test_single";
    const QUEUE: Queue = jobs::queues::SEARCH;

    fn unique_key(&self) -> Option<String> {
        Some(self.number.to_string())
    }

    async fn run(&self, _: &Context, run: &Run) -> Result<Outcome, JobError> {
        if run.number() == 1 {
            run.cancelled().cancelled().await;
        }
        Ok(Outcome::Done)
    }
}

async fn claim(app: &TestApp, id: JobId) -> Claimed {
    let worker = app.enrol("by hand", "search").await;
    ledger::claim(&app.db, worker, vec![id]).await.unwrap().remove(0)
}

async fn act(app: &TestApp, id: JobId, action: Action) -> Change {
    let mut tx = app.db.begin().await.unwrap();
    let by = By::system("a test");
    let change = queue::control::act::operate(&mut tx, &jobs::KINDS, id, action, &by).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    change
}

fn ending(outcome: Attempt, next: Next) -> Ending {
    Ending { outcome, class: Some("failed"), error: Some("a test".into()), fingerprint: None, next }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_run_the_request_that_came_meanwhile_runs() {
    let app = TestApp::start().await;
    let ends = [
        (Attempt::Discarded, Next::Discarded),
        (Attempt::Cancelled, Next::Cancelled),
        (Attempt::Crashed, Next::Crashed { quarantined: true }),
    ];
    for (number, (outcome, next)) in (0..).zip(ends) {
        let id = app.put(&Single { number }).await;
        let run = claim(&app, id).await;
        assert_eq!(app.put(&Single { number }).await, id, "it runs already: once more, then");
        ledger::finish(&app.db, &run.fence, Some(&ending(outcome, next)), false).await.unwrap();
        let row = ledger::get(&app.db, id).await.unwrap().unwrap();
        assert_eq!((row.state, row.failures, row.crashes), (State::Available, 0, 0), "{outcome}");
        assert_eq!(app.put(&Single { number }).await, id, "under its key, {outcome}");
        // Nothing more than that: it ends for good when nobody asks again.
        let run = claim(&app, id).await;
        ledger::finish(&app.db, &run.fence, Some(&ending(outcome, next)), false).await.unwrap();
        assert!(ledger::get(&app.db, id).await.unwrap().unwrap().state.is_terminal(), "{outcome}");
        let runs = attempts::by_job(&app.db, id).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.outcome).collect::<Vec<_>>(), [outcome, outcome]);
    }
    // A worker that died with it for the last time allowed.
    let id = app.put(&Single { number: 9 }).await;
    for loss in 1..=20 {
        let run = claim(&app, id).await;
        if loss == 20 {
            app.put(&Single { number: 9 }).await;
        }
        ledger::workers::stop(&app.db, run.fence.worker).await.unwrap();
        queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, run.fence.worker).await.unwrap();
    }
    let row = ledger::get(&app.db, id).await.unwrap().unwrap();
    assert_eq!((row.state, row.lost), (State::Available, 0));
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_answers_the_request_that_came_meanwhile_with_fresh_failures() {
    let app = TestApp::start().await;
    let id = app.put(&Single { number: 1 }).await;
    let again = Next::Again { delay: Duration::ZERO, burnt: true };
    for failures in 1..=3 {
        let run = claim(&app, id).await;
        ledger::finish(&app.db, &run.fence, Some(&ending(Attempt::Retry, again)), false).await.unwrap();
        assert_eq!(ledger::get(&app.db, id).await.unwrap().unwrap().failures, failures);
    }
    let run = claim(&app, id).await;
    app.put(&Single { number: 1 }).await;
    ledger::finish(&app.db, &run.fence, Some(&ending(Attempt::Retry, again)), false).await.unwrap();
    assert_eq!(ledger::get(&app.db, id).await.unwrap().unwrap().failures, 1, "of the second request");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_the_run_it_was_meant_for_and_not_the_next_request() {
    let app = TestApp::start().await;
    let id = app.put(&Single { number: 1 }).await;
    let run = claim(&app, id).await;
    assert_eq!(act(&app, id, Action::Cancel).await.result, Operated::Asked);
    let asked = asked_of(&app.db, run.fence.worker).await.unwrap();
    assert_eq!(asked.cancels, [(id, run.fence.run, "a test".to_owned())]);
    // The completion was faster, and somebody had asked for the job once more.
    app.put(&Single { number: 1 }).await;
    assert_eq!(ledger::complete_all(&app.db, &[run.fence]).await.unwrap().left, [run.fence]);
    ledger::finish(&app.db, &run.fence, None, true).await.unwrap();
    let second = claim(&app, id).await;
    assert_eq!(second.fence.run, 2);
    assert!(asked_of(&app.db, second.fence.worker).await.unwrap().cancels.is_empty());
    assert!(ledger::stranded_cancels(&app.db).await.unwrap().is_empty());
    // The first run's answer was lost and it is written again: nothing changes, the second run goes on.
    assert!(matches!(ledger::finish(&app.db, &run.fence, None, true).await, Err(Fenced::Lost)));
    ledger::finish(&app.db, &second.fence, None, true).await.unwrap();
    assert_eq!(ledger::get(&app.db, id).await.unwrap().unwrap().state, State::Completed);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_and_the_request_that_came_meanwhile_on_a_real_worker() {
    let app = TestApp::start().await;
    let worker = app.worker_with(domain::review::ReviewPolicy::FlaggedOnly, jobs::registry().with::<Single>()).await;
    let id = app.put(&Single { number: 1 }).await;
    app.wait_for_state(id, &[State::Running]).await;
    app.put(&Single { number: 1 }).await;
    assert_eq!(act(&app, id, Action::Cancel).await.result, Operated::Asked);
    assert_eq!(app.wait_for_state(id, &[State::Completed, State::Cancelled]).await.state, State::Completed);
    let runs = attempts::by_job(&app.db, id).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.outcome).collect::<Vec<_>>(), [Attempt::Cancelled, Attempt::Completed]);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_goes_with_a_run_that_came_back_and_began_anew() {
    let app = TestApp::start().await;
    let id = app.put(&Single { number: 1 }).await;
    let run = claim(&app, id).await;
    act(&app, id, Action::Cancel).await;
    ledger::hand_back_unstarted(&app.db, &[run.fence]).await.unwrap();
    let second = claim(&app, id).await;
    let stranded = ledger::stranded_cancels(&app.db).await.unwrap();
    assert!(stranded.len() == 1 && stranded[0].runs_again, "{stranded:?}");
    ledger::carry_cancel(&app.db, id).await.unwrap();
    let asked = asked_of(&app.db, second.fence.worker).await.unwrap();
    assert_eq!(asked.cancels, [(id, 2, "a test".to_owned())], "nobody asked for the job again");
    app.discard().await;
}

/// The run was asked to stop, then somebody asked for the job again; the run never hears either, and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_over_with_its_run_also_when_that_comes_back_for_the_next_request() {
    let app = TestApp::start().await;
    let snooze = Next::Again { delay: Duration::from_secs(60), burnt: false };
    for (number, way) in ["its worker died", "it was handed back", "it was put off"].into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let id = app.put(&Single { number }).await;
        let run = claim(&app, id).await;
        assert_eq!(act(&app, id, Action::Cancel).await.result, Operated::Asked);
        app.put(&Single { number }).await;
        match number {
            0 => {
                ledger::workers::stop(&app.db, run.fence.worker).await.unwrap();
                queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, run.fence.worker).await.unwrap();
            }
            1 => ledger::hand_back_unstarted(&app.db, &[run.fence]).await.unwrap(),
            _ => ledger::finish(&app.db, &run.fence, Some(&ending(Attempt::Snoozed, snooze)), false).await.unwrap(),
        }
        assert!(ledger::stranded_cancels(&app.db).await.unwrap().is_empty(), "{way}");
        let row = ledger::get(&app.db, id).await.unwrap().unwrap();
        assert!(!row.state.is_terminal(), "{way}: {}", row.state);
    }
    app.discard().await;
}

/// A run that lost its job says nothing about the one that has it now.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_hand_back_takes_no_cancel_from_the_run_that_others_have_begun() {
    let app = TestApp::start().await;
    let id = app.put(&Single { number: 1 }).await;
    let late = claim(&app, id).await;
    ledger::hand_back_unstarted(&app.db, &[late.fence]).await.unwrap();
    let current = claim(&app, id).await;
    app.put(&Single { number: 1 }).await;
    act(&app, id, Action::Cancel).await;
    ledger::hand_back_unstarted(&app.db, &[late.fence]).await.unwrap();
    let asked = asked_of(&app.db, current.fence.worker).await.unwrap();
    assert_eq!(asked.cancels, [(id, current.fence.run, "a test".to_owned())]);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_job_is_live_under_its_key_or_says_what_it_meets() {
    let app = TestApp::start().await;
    let first = app.put(&Single { number: 1 }).await;
    act(&app, first, Action::Discard).await;
    let second = app.put(&Single { number: 1 }).await;
    assert_ne!(first, second, "the key was free");
    let refused = act(&app, first, Action::Retry).await;
    assert_eq!((refused.result, refused.after), (Operated::KeyTaken(second), State::Discarded));
    act(&app, second, Action::Cancel).await;
    assert_eq!(act(&app, first, Action::Retry).await.after, State::Available);
    assert_eq!(app.put(&Single { number: 1 }).await, first, "two of one key never wait side by side");
    assert_eq!(act(&app, second, Action::Retry).await.result, Operated::KeyTaken(first));
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_requests_for_one_new_key_make_one_job_and_no_deadlock() {
    let app = TestApp::start().await;
    for number in 0..40 {
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let db = app.db.clone();
            requests.spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let id = enqueue::<_, Context>(&mut tx, &Single { number }).await?;
                tokio::time::sleep(Duration::from_millis(2)).await;
                tx.commit().await.unwrap();
                Ok::<_, queue::EnqueueError>(id)
            });
        }
        let ids: Result<Vec<JobId>, _> = requests.join_all().await.into_iter().collect();
        let ids = ids.unwrap_or_else(|error| panic!("request {number}: {error}"));
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    assert_eq!(ledger::unfinished(&app.db).await.unwrap().len(), 40);
    app.discard().await;
}

/// Not unique.
#[derive(Serialize, Deserialize)]
struct Step {}

impl Job<Context> for Step {
    const KIND: &'static str = "test_step";
    const QUEUE: Queue = jobs::queues::SEARCH;
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

async fn complete(app: &TestApp, id: JobId) {
    let run = claim(app, id).await;
    ledger::finish(&app.db, &run.fence, None, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_child_counts_once_however_often_it_runs() {
    let app = TestApp::start().await;
    let mut tx = app.db.begin().await.unwrap();
    let flow = Flow::new().child(&Single { number: 1 }).unwrap().child(&Step {}).unwrap();
    let parent = flow.enqueue(&mut tx, &Step {}).await.unwrap();
    tx.commit().await.unwrap();
    let children = flows::subtree(&app.db, parent, 10).await.unwrap();
    let mut unique = None;
    for child in &children[..2] {
        if ledger::get(&app.db, *child).await.unwrap().unwrap().kind == Single::KIND {
            unique = Some(*child);
        }
    }
    let unique = unique.unwrap();
    let other = children[..2].iter().copied().find(|child| *child != unique).unwrap();

    let run = claim(&app, unique).await;
    assert_eq!(app.put(&Single { number: 1 }).await, unique);
    ledger::finish(&app.db, &run.fence, None, true).await.unwrap();
    complete(&app, unique).await;
    assert_eq!(ledger::get(&app.db, parent).await.unwrap().unwrap().state, State::Waiting, "its sibling has not run");
    complete(&app, other).await;
    assert_eq!(ledger::get(&app.db, parent).await.unwrap().unwrap().state, State::Available);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_whose_key_is_taken_is_refused_with_the_job_that_has_it() {
    let app = TestApp::start().await;
    let live = app.put(&Single { number: 1 }).await;
    let mut tx = app.db.begin().await.unwrap();
    let flow = Flow::new().child(&Step {}).unwrap();
    let refused = flow.enqueue(&mut tx, &Single { number: 1 }).await;
    assert!(matches!(refused, Err(queue::EnqueueError::UniqueParent { live: met, .. }) if met == live), "{refused:?}");
    tx.rollback().await.unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let flow = Flow::new().child(&Step {}).unwrap();
    let parent = flow.enqueue(&mut tx, &Single { number: 2 }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app.put(&Single { number: 2 }).await, parent, "it waits for its children under its key");
    assert_eq!(ledger::get(&app.db, parent).await.unwrap().unwrap().state, State::Waiting);
    app.discard().await;
}
