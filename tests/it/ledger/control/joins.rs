//! Flows that fail, are cancelled, retried and pruned.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_flow_is_retried_and_a_live_one_cancelled_as_a_whole() {
    let app = TestApp::start().await;
    let worker = worker(&app, 4).await;
    let (test, slow) = (Uuid::now_v7(), Uuid::now_v7());
    let (failed, parent) = change(&app, async |tx| {
        let flow = Flow::new().child(&Stubborn { test }).unwrap().child(&Other {}).unwrap();
        let parent = flow.enqueue(tx, &Other {}).await.unwrap();
        (parent, parent)
    })
    .await;
    let family = flows::subtree(&app.db, parent, 100).await.unwrap();
    assert_eq!((family.len(), family[2]), (3, parent), "children come before the parent");
    let mut states: Vec<State> = Vec::new();
    for child in &family[..2] {
        states.push(app.wait_for_state(*child, &[State::Discarded, State::Completed]).await.state);
    }
    states.sort();
    assert_eq!(states, [State::Completed, State::Discarded]);
    assert_eq!(ledger::get(&app.db, failed).await.unwrap().unwrap().state, State::Waiting);

    // Cancelled while it waits, and retried: it waits again, because a child is missing.
    assert_eq!(act(&app, parent, Action::Cancel).await.after, State::Cancelled);
    assert_eq!(act(&app, parent, Action::Retry).await.after, State::Waiting);
    WILLING.lock().unwrap().insert(test, true);
    let mut results = Vec::new();
    for id in &family {
        results.push(act(&app, *id, Action::Retry).await.result);
    }
    assert_eq!(results.iter().filter(|result| **result == Operated::Done).count(), 1, "{results:?}");
    app.wait_for_state(parent, &[State::Completed]).await;

    let long = Stint { test: slow, tenant: None, millis: 60_000 };
    let parent = change(&app, async |tx| {
        let flow = Flow::new().child(&long).unwrap().child(&long).unwrap();
        flow.enqueue(tx, &Other {}).await.unwrap()
    })
    .await;
    let family = flows::subtree(&app.db, parent, 100).await.unwrap();
    for child in &family[..2] {
        app.wait_for_state(*child, &[State::Running]).await;
    }
    for id in &family {
        assert_ne!(act(&app, *id, Action::Cancel).await.result, Operated::Refused);
    }
    for id in &family {
        app.wait_for_state(*id, &[State::Cancelled]).await;
    }
    worker.stop().await;
    app.finish().await;
}

/// The last child completes while somebody retries the parent: one of the two lets it go.
#[tokio::test(flavor = "multi_thread")]
async fn a_parent_retried_while_its_last_child_completes_is_released() {
    let app = TestApp::start().await;
    let parent =
        change(&app, async |tx| Flow::new().child(&Other {}).unwrap().enqueue(tx, &Other {}).await.unwrap()).await;
    let child = flows::subtree(&app.db, parent, 100).await.unwrap()[0];
    assert_eq!(act(&app, parent, Action::Cancel).await.after, State::Cancelled);
    let member = app.enrol("by hand", "search").await;
    let claimed = ledger::claim(&app.db, member, vec![child]).await.unwrap();
    let mut completing = app.db.begin().await.unwrap();
    ledger::complete(&mut completing, &claimed[0].fence, false).await.unwrap();
    let retrying = tokio::spawn({
        let db = app.db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            let change =
                queue::control::act::operate(&mut tx, &jobs::KINDS, parent, Action::Retry, &By::system("a test"))
                    .await
                    .unwrap()
                    .unwrap();
            tx.commit().await.unwrap();
            change.after
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    completing.commit().await.unwrap();
    assert_eq!(retrying.await.unwrap(), State::Available, "all its children have completed");
    assert_eq!(ledger::get(&app.db, parent).await.unwrap().unwrap().state, State::Available);
    app.discard().await;
}

/// Without the child nobody could ever let the parent go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_was_given_up_is_kept_as_long_as_its_parent_waits() {
    let app = TestApp::start().await;
    let parent =
        change(&app, async |tx| Flow::new().child(&Other {}).unwrap().enqueue(tx, &Other {}).await.unwrap()).await;
    let child = flows::subtree(&app.db, parent, 100).await.unwrap()[0];
    act(&app, child, Action::Cancel).await;
    let later = chrono::Utc::now() + TimeDelta::seconds(2);
    assert!(ledger::prune(&app.db, LedgerDays::of(0), later, JobId(Uuid::nil())).await.unwrap().is_none());
    assert_eq!(ledger::get(&app.db, child).await.unwrap().unwrap().state, State::Cancelled);
    act(&app, parent, Action::Cancel).await;
    let mut pruned = 0;
    let mut last = JobId(Uuid::nil());
    while let Some(step) = ledger::prune(&app.db, LedgerDays::of(0), later, last).await.unwrap() {
        (pruned, last) = (pruned + step.jobs, step.last);
    }
    assert_eq!(pruned, 2, "and goes with it");
    app.discard().await;
}

/// Kept for as long as jobs are kept, and no longer: nobody will retry the child.
#[tokio::test(flavor = "multi_thread")]
async fn a_parent_whose_child_was_given_up_long_ago_is_cancelled_and_both_are_pruned() {
    let app = TestApp::start().await;
    let parent =
        change(&app, async |tx| Flow::new().child(&Other {}).unwrap().enqueue(tx, &Other {}).await.unwrap()).await;
    let child = flows::subtree(&app.db, parent, 100).await.unwrap()[0];
    act(&app, child, Action::Discard).await;
    assert!(flows::abandoned(&app.db, 1).await.unwrap().is_empty(), "it may be retried yet");
    for statement in [
        "UPDATE jobs SET finished_at = finished_at - INTERVAL 400 DAY WHERE finished_at IS NOT NULL",
        "UPDATE flows SET created_at = created_at - INTERVAL 400 DAY",
    ] {
        sqlx::query(statement).execute(app.db.pool()).await.unwrap();
    }
    assert_eq!(flows::abandoned(&app.db, 300).await.unwrap(), [parent]);
    let prune = app.put(&queue::builtin::PruneLedger {}).await;
    assert_eq!(app.run_one(prune).await.state, State::Completed);
    let row = ledger::get(&app.db, parent).await.unwrap().unwrap();
    assert_eq!(row.state, State::Cancelled, "and it goes when its own time has come");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_of_more_jobs_than_asked_for_is_not_walked_to_its_end() {
    let app = TestApp::start().await;
    let parent = change(&app, async |tx| {
        let mut flow = Flow::new();
        for _ in 0..20 {
            flow = flow.child(&Other {}).unwrap();
        }
        flow.enqueue(tx, &Other {}).await.unwrap()
    })
    .await;
    assert_eq!(flows::subtree(&app.db, parent, 5).await.unwrap().len(), 6);
    assert_eq!(flows::subtree(&app.db, parent, 20).await.unwrap().len(), 21);
    assert_eq!(flows::subtree(&app.db, parent, 21).await.unwrap().len(), 21);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_does_not_wait_for_a_child_that_is_somebody_elses() {
    let app = TestApp::start().await;
    let live = app.put(&queue::builtin::PruneLedger {}).await;
    let mut tx = app.db.begin().await.unwrap();
    let flow = Flow::new().child::<_, Context>(&queue::builtin::PruneLedger {}).unwrap();
    let error = flow.enqueue(&mut tx, &Other {}).await.unwrap_err();
    assert!(error.to_string().contains("prune_ledger"), "{error}");
    tx.rollback().await.unwrap();
    assert_eq!(ledger::unfinished(&app.db).await.unwrap().len(), 1);
    assert_eq!(act(&app, live, Action::Cancel).await.after, State::Cancelled);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_says_what_a_given_up_child_means() {
    let app = TestApp::start().await;
    let worker = worker(&app, 4).await;
    let (test, slow) = (Uuid::now_v7(), Uuid::now_v7());
    let start = async |meaning: OnGivenUp, sibling: Stint| {
        change(&app, async |tx| {
            let flow = Flow::new().on_given_up(meaning).child(&Stubborn { test }).unwrap().child(&sibling).unwrap();
            flow.enqueue(tx, &Other {}).await.unwrap()
        })
        .await
    };
    let quick = Stint { test: slow, tenant: None, millis: 5 };
    let long = Stint { test: slow, tenant: None, millis: 600_000 };

    let goes_on = start(OnGivenUp::Continue, quick.clone()).await;
    app.wait_for_state(goes_on, &[State::Completed]).await;
    let given_up = flow_members::given_up_children(&app.db, goes_on).await.unwrap();
    assert_eq!(given_up.len(), 1, "the parent can ask which one is missing");
    assert_eq!(ledger::get(&app.db, given_up[0]).await.unwrap().unwrap().state, State::Discarded);

    let ends = start(OnGivenUp::Cancel, long).await;
    app.wait_for_state(ends, &[State::Cancelled]).await;
    for child in flows::subtree(&app.db, ends, 10).await.unwrap() {
        app.wait_for_state(child, &[State::Discarded, State::Cancelled]).await;
    }

    let holds = start(OnGivenUp::Hold, quick).await;
    let children = flows::subtree(&app.db, holds, 10).await.unwrap();
    for child in &children[..2] {
        app.wait_for_state(*child, &[State::Discarded, State::Completed]).await;
    }
    assert_eq!(ledger::get(&app.db, holds).await.unwrap().unwrap().state, State::Waiting);

    // By whatever hand and cause: cancelled by a person, and set aside because its workers died.
    WILLING.lock().unwrap().insert(test, true);
    worker.stop().await;
    for cause in ["person", "workers"] {
        let parent = change(&app, async |tx| {
            let flow = Flow::new().on_given_up(OnGivenUp::Continue).child(&Other {}).unwrap();
            flow.enqueue(tx, &Other {}).await.unwrap()
        })
        .await;
        let child = flows::subtree(&app.db, parent, 10).await.unwrap()[0];
        if cause == "person" {
            act(&app, child, Action::Cancel).await;
        } else {
            sqlx::query("UPDATE jobs SET lost = 19 WHERE id = ?").bind(child).execute(app.db.pool()).await.unwrap();
            let member = app.enrol("by hand", "search").await;
            ledger::claim(&app.db, member, vec![child]).await.unwrap().remove(0);
            ledger::workers::stop(&app.db, member).await.unwrap();
            let kinds = jobs::registry().with::<Other>();
            act::rescue_jobs_of(&app.db, kinds.kinds(), member).await.unwrap();
        }
        assert!(ledger::get(&app.db, child).await.unwrap().unwrap().state.is_terminal());
        let released = ledger::get(&app.db, parent).await.unwrap().unwrap().state;
        assert_eq!(released, State::Available, "by {cause}");
        // Retried, it counts no second time.
        act(&app, child, Action::Retry).await;
        complete(&app, child).await;
        let pending: u32 = sqlx::query_scalar("SELECT pending FROM flows WHERE parent_id = ?")
            .bind(parent)
            .fetch_one(app.db.pool())
            .await
            .unwrap();
        assert_eq!(pending, 0);
    }
    app.discard().await;
}

/// A parent that was cancelled when its child was given up, and is retried, does not wait for it for ever; and a child that was
/// retried in time cancels nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_flow_hears_of_its_child_whenever_that_was_given_up() {
    let app = TestApp::start().await;
    let start = async |meaning: OnGivenUp| {
        change(&app, async |tx| {
            let flow = Flow::new().on_given_up(meaning).child(&Other {}).unwrap();
            flow.enqueue(tx, &Other {}).await.unwrap()
        })
        .await
    };
    let state = async |id: JobId| ledger::get(&app.db, id).await.unwrap().unwrap().state;
    let parent = start(OnGivenUp::Continue).await;
    let child = flows::subtree(&app.db, parent, 10).await.unwrap()[0];
    act(&app, parent, Action::Cancel).await;
    act(&app, child, Action::Discard).await;
    assert_eq!(act(&app, parent, Action::Retry).await.after, State::Available);

    let parent = start(OnGivenUp::Cancel).await;
    let child = flows::subtree(&app.db, parent, 10).await.unwrap()[0];
    act(&app, child, Action::Discard).await;
    let cancels = app.assert_enqueued::<CancelFlow>(|flow| flow.parent == parent).await;
    act(&app, child, Action::Retry).await;
    assert_eq!(app.run_one(cancels).await.state, State::Completed);
    assert_eq!((state(child).await, state(parent).await), (State::Available, State::Waiting));
    // Nobody tells the flow, as by a program of an older build: the upkeep does.
    sqlx::query("UPDATE jobs SET state = 'discarded', finished_at = UTC_TIMESTAMP(6) - INTERVAL 2 HOUR WHERE id = ?")
        .bind(child)
        .execute(app.db.pool())
        .await
        .unwrap();
    let prune = app.put(&queue::builtin::PruneLedger {}).await;
    assert_eq!(app.run_one(prune).await.state, State::Completed);
    let cancels = app.assert_enqueued::<CancelFlow>(|flow| flow.parent == parent).await;
    assert_eq!(app.run_one(cancels).await.state, State::Completed);
    assert_eq!(state(parent).await, State::Cancelled);
    app.discard().await;
}

async fn complete(app: &TestApp, id: JobId) {
    let member = app.enrol("by hand", "search").await;
    let run = ledger::claim(&app.db, member, vec![id]).await.unwrap().remove(0);
    ledger::finish(&app.db, &run.fence, None, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_may_be_the_parent_of_a_flow() {
    let app = TestApp::start().await;
    let state = async |id: JobId| ledger::get(&app.db, id).await.unwrap().unwrap().state;
    let top = change(&app, async |tx| {
        let lowest = Flow::new().child(&Other {}).unwrap();
        let inner = Flow::new().child(&Other {}).unwrap().flow(lowest, &Other {}).unwrap();
        let flow = Flow::new().child(&Other {}).unwrap().flow(inner, &Other {}).unwrap();
        // A flow without children is a child like any other.
        flow.flow(Flow::new(), &Other {}).unwrap().enqueue(tx, &Other {}).await.unwrap()
    })
    .await;
    let family = flows::subtree(&app.db, top, 100).await.unwrap();
    assert_eq!((family.len(), family[6]), (7, top));
    let mut runs = 0;
    // Whatever is available completes, level by level, and never a parent before its children.
    while state(top).await == State::Waiting {
        let mut ready = Vec::new();
        for id in &family {
            if state(*id).await == State::Available {
                ready.push(*id);
            }
        }
        assert!(!ready.is_empty(), "nothing moves, and the parent waits");
        for id in ready {
            for below in &flows::subtree(&app.db, id, 100).await.unwrap()[..] {
                assert!(*below == id || state(*below).await == State::Completed);
            }
            complete(&app, id).await;
            runs += 1;
        }
    }
    assert_eq!((state(top).await, runs), (State::Available, 6));

    // A part that is given up ends all above it, where each flow says so.
    let top = change(&app, async |tx| {
        let inner = Flow::new().on_given_up(OnGivenUp::Cancel).child(&Other {}).unwrap().child(&Bulk {}).unwrap();
        let flow =
            Flow::new().on_given_up(OnGivenUp::Cancel).flow(inner, &Other {}).unwrap().child(&Urgent {}).unwrap();
        flow.enqueue(tx, &Other {}).await.unwrap()
    })
    .await;
    let family = flows::subtree(&app.db, top, 100).await.unwrap();
    assert_eq!(family.len(), 5);
    let registry = jobs::registry().with::<Other>().with::<Bulk>().with::<Urgent>();
    change(&app, async |tx| {
        act::operate(tx, registry.kinds(), family[0], Action::Discard, &By::system("a test")).await.unwrap().unwrap()
    })
    .await;
    let mut fleet = app.prepared_worker(ReviewPolicy::FlaggedOnly, registry).await;
    fleet.settings.queues = vec![(jobs::queues::SEARCH, 1)];
    change(&app, async |tx| pauses::pause(tx, Scope::Kind, Bulk::KIND, "so that they wait", None, None).await.unwrap())
        .await;
    change(&app, async |tx| {
        pauses::pause(tx, Scope::Kind, Urgent::KIND, "so that they wait", None, None).await.unwrap()
    })
    .await;
    let worker = Worker::start(fleet);
    for id in &family[1..] {
        app.wait_for_state(*id, &[State::Cancelled]).await;
    }
    worker.stop().await;
    app.discard().await;
}
