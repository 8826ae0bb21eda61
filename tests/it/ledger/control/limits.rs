//! Concurrency and rate limits: at most so many of a kind run at a time, and start in a second.

use queue::ledger::controls::limits as job_limits;

use super::*;

fn limit(kind: &str) -> Limit {
    Limit::of(kind, "a test")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_of_a_limited_kind_run_at_a_time_than_allowed_in_the_whole_fleet() {
    let app = TestApp::start().await;
    change(&app, async |tx| {
        job_limits::set(tx, &Limit { max_running: Some(3), max_running_per_tenant: Some(2), ..limit(Stint::KIND) })
            .await
            .unwrap();
    })
    .await;
    let (one, two) = (worker(&app, 6).await, worker(&app, 6).await);
    let test = Uuid::now_v7();
    let tenants = [UserId::new(), UserId::new()];
    let mut all = Vec::new();
    for turn in 0..180 {
        // One has four times as many.
        all.push(Stint { test, tenant: Some(tenants[usize::from(turn % 5 == 4)]), millis: 30 });
    }
    let started = Instant::now();
    put_all(&app, &all).await;
    app.drained().await;
    let took = started.elapsed();
    let seen = notes(test);
    assert_eq!(seen.len(), 180);
    // A busy machine may not get as far as the limit; never beyond it.
    assert!((2..=3).contains(&most_at_a_time(&seen, |_| true)));
    for tenant in tenants {
        assert!((1..=2).contains(&most_at_a_time(&seen, |note| note.tenant == Some(tenant))), "{tenant}");
    }
    // Waiting for the rescuer each time would take a quarter of a second for each three.
    assert!(took < Duration::from_millis(180 / 3 * 250), "whoever finishes does not let the next one go: {took:?}");
    one.stop().await;
    two.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lifted_limit_lets_everything_go() {
    let app = TestApp::start().await;
    change(&app, async |tx| {
        job_limits::set(tx, &Limit { max_running: Some(0), ..limit(Stint::KIND) }).await.unwrap();
    })
    .await;
    let worker = worker(&app, 4).await;
    let test = Uuid::now_v7();
    let ids = put_all(&app, &vec![Stint { test, tenant: None, millis: 1 }; 30]).await;
    for id in &ids {
        app.wait_for_state(*id, &[State::Blocked]).await;
    }
    assert_eq!(act(&app, ids[0], Action::Cancel).await.result, Operated::Done);
    assert!(change(&app, async |tx| job_limits::remove(tx, Stint::KIND).await.unwrap()).await);
    app.drained().await;
    assert_eq!(notes(test).len(), 29, "the cancelled one does not run");
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_puts_each_job_off_once_to_its_own_start() {
    let app = TestApp::start().await;
    let paced = Limit { rate: Some(20), rate_seconds: Some(1), burst: Some(5), ..limit(Stint::KIND) };
    change(&app, async |tx| job_limits::set(tx, &paced).await.unwrap()).await;
    let (one, two) = (worker(&app, 8).await, worker(&app, 8).await);
    let test = Uuid::now_v7();
    let asked = Instant::now();
    let ids = put_all(&app, &vec![Stint { test, tenant: None, millis: 0 }; 45]).await;
    app.drained().await;
    let mut began: Vec<Instant> = notes(test).iter().map(|note| note.began).collect();
    began.sort();
    assert_eq!(began.len(), 45);
    // GCRA: at no time have more begun than the burst and what the rate gave since. A start that a busy machine delays is
    // followed the sooner by the next, so that a window between two starts says nothing.
    for (before, start) in began.iter().enumerate() {
        let given = 5.0 + 20.0 * (*start - asked).as_secs_f64();
        assert!(before as f64 <= given, "{} had begun after {:?}", before + 1, *start - asked);
    }
    for id in ids {
        let row = ledger::get(&app.db, id).await.unwrap().unwrap();
        assert_eq!((row.runs, row.failures), (1, 0), "waiting costs no run");
        assert!(attempts::by_job(&app.db, id).await.unwrap().is_empty());
    }
    one.stop().await;
    two.stop().await;
    app.finish().await;
}

/// Starts are given away for the next two seconds only: what is beyond has not lost its turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_leaves_turns_to_tenants() {
    let app = TestApp::start().await;
    let paced = Limit { rate: Some(5), rate_seconds: Some(1), ..limit(Stint::KIND) };
    change(&app, async |tx| job_limits::set(tx, &paced).await.unwrap()).await;
    let worker = worker(&app, 4).await;
    let (test, many, one) = (Uuid::now_v7(), UserId::new(), UserId::new());
    let ids = put_all(&app, &vec![Stint { test, tenant: Some(many), millis: 0 }; 400]).await;
    app.wait_for_state(ids[399], &[State::Blocked]).await;
    let asked = Instant::now();
    let other = app.put(&Stint { test, tenant: Some(one), millis: 0 }).await;
    app.wait_for_state(other, &[State::Completed]).await;
    // 80 s of starts lie before it; two seconds are given away, and turns are taken behind them.
    assert!(asked.elapsed() < Duration::from_secs(40), "{:?}", asked.elapsed());
    change(&app, async |tx| job_limits::remove(tx, Stint::KIND).await.unwrap()).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

/// A row that somebody holds stalls neither the others' completion nor their counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_row_of_a_limited_kind_stalls_no_other() {
    let app = TestApp::start().await;
    let wide = Limit { max_running: Some(100), max_running_per_tenant: Some(50), ..limit(Stint::KIND) };
    change(&app, async |tx| job_limits::set(tx, &wide).await.unwrap()).await;
    let test = Uuid::now_v7();
    let ids = put_all(&app, &vec![Stint { test, tenant: Some(UserId::new()), millis: 0 }; 4]).await;
    let member = app.enrol("by hand", "search").await;
    let runs = ledger::claim(&app.db, member, ids.clone()).await.unwrap();
    let mut holding = app.db.begin().await.unwrap();
    sqlx::query("SELECT id FROM jobs WHERE id = ? FOR UPDATE").bind(ids[1]).fetch_one(&mut *holding).await.unwrap();
    let fences: Vec<_> = runs.iter().map(|run| run.fence).collect();
    let completing = ledger::complete_limited(&app.db, Stint::KIND, &fences);
    let left = tokio::time::timeout(Duration::from_millis(4_500), completing)
        .await
        .expect("it waits for the row")
        .unwrap()
        .left;
    assert_eq!(left.iter().map(|fence| fence.job).collect::<Vec<_>>(), [ids[1]]);
    let counted = async || {
        let all = database::number(&app.db, "SELECT CAST(running AS SIGNED) FROM job_limits").await.unwrap();
        let tenant = database::number(&app.db, "SELECT CAST(SUM(running) AS SIGNED) FROM limit_tenants").await.unwrap();
        (all, tenant)
    };
    assert_eq!(counted().await, (1, 1));
    // A claim whose tickets name the held row takes the others and counts them.
    let more = put_all(&app, &vec![Stint { test, tenant: Some(UserId::new()), millis: 0 }; 2]).await;
    let tickets = vec![more[0], ids[1], more[1]];
    let claiming = ledger::claim(&app.db, member, tickets);
    let claimed = tokio::time::timeout(Duration::from_secs(4), claiming).await.expect("it waits for the row").unwrap();
    assert_eq!((claimed.len(), counted().await), (2, (3, 3)));
    holding.rollback().await.unwrap();
    app.discard().await;
}

/// Whoever asks, a service answers one at a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_kind_may_name_what_its_limits_count_by() {
    let app = TestApp::start().await;
    let one = Limit { max_running_per_tenant: Some(1), ..limit(Call::KIND) };
    change(&app, async |tx| job_limits::set(tx, &one).await.unwrap()).await;
    let workers = (worker(&app, 4).await, worker(&app, 4).await);
    let (busy, other) = (Uuid::now_v7(), Uuid::now_v7());
    let call = |service: &str, test: Uuid| Call {
        service: service.into(),
        // Of somebody else each time.
        stint: Stint { test, tenant: Some(UserId::new()), millis: 60 },
    };
    let calls: Vec<Call> =
        (0..12).flat_map(|_| [call("translate.example", busy), call("speech.example", other)]).collect();
    change(&app, async |tx| enqueue_all(tx, &calls).await.unwrap()).await;
    app.drained().await;
    for test in [busy, other] {
        let seen = notes(test);
        assert_eq!((seen.len(), most_at_a_time(&seen, |_| true)), (12, 1));
    }
    let all: Vec<Note> = [notes(busy), notes(other)].concat();
    assert_eq!(most_at_a_time(&all, |_| true), 2, "the two services side by side");
    // What is blocked is found again when somebody acts on it.
    let long = [(); 2].map(|()| Call {
        stint: Stint { test: busy, tenant: None, millis: 60_000 },
        ..call("translate.example", busy)
    });
    // One after the other: of two at once either is taken first.
    let mut ids = Vec::new();
    for (call, state) in long.iter().zip([State::Running, State::Blocked]) {
        ids.extend(change(&app, async |tx| enqueue_all(tx, std::slice::from_ref(call)).await.unwrap()).await);
        app.wait_for_state(ids[ids.len() - 1], &[state]).await;
    }
    let why = queue::control::explain::explain_job(&app.db, ids[1]).await.unwrap().unwrap().why;
    assert!(why.contains("for one tenant (or key)"), "{why}");
    act(&app, ids[1], Action::Cancel).await;
    assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM blocked_jobs").await.unwrap(), 0);
    act(&app, ids[0], Action::Cancel).await;
    app.drained().await;
    assert_eq!(
        database::number(&app.db, "SELECT CAST(COALESCE(SUM(running), 0) AS SIGNED) FROM limit_tenants").await.unwrap(),
        0
    );
    workers.0.stop().await;
    workers.1.stop().await;
    app.finish().await;
}

/// The place that one leaves goes to somebody who may take it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_at_its_limit_does_not_hold_up_another() {
    let app = TestApp::start().await;
    change(&app, async |tx| {
        job_limits::set(tx, &Limit { max_running_per_tenant: Some(1), ..limit(Stint::KIND) }).await.unwrap();
    })
    .await;
    let worker = worker(&app, 4).await;
    let (test, slow, quick) = (Uuid::now_v7(), UserId::new(), UserId::new());
    put_all(&app, &vec![Stint { test, tenant: Some(slow), millis: 6_000 }; 2]).await;
    let began = Instant::now();
    let ids = put_all(&app, &vec![Stint { test, tenant: Some(quick), millis: 5 }; 60]).await;
    for id in ids {
        app.wait_for_state(id, &[State::Completed]).await;
    }
    // By the rescuer alone each would wait a quarter of a second for the one before.
    assert!(began.elapsed() < Duration::from_secs(60) / 4, "{:?}", began.elapsed());
    app.drained().await;
    let seen = notes(test);
    for tenant in [slow, quick] {
        assert_eq!(most_at_a_time(&seen, |note| note.tenant == Some(tenant)), 1, "{tenant}");
    }
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_rate_judges_what_the_old_one_had_put_off() {
    let app = TestApp::start().await;
    let slow = Limit { rate: Some(1), rate_seconds: Some(3_600), ..limit(Stint::KIND) };
    change(&app, async |tx| job_limits::set(tx, &slow).await.unwrap()).await;
    let worker = worker(&app, 4).await;
    let test = Uuid::now_v7();
    let ids = put_all(&app, &vec![Stint { test, tenant: None, millis: 0 }; 600]).await;
    app.wait_for_state(ids[599], &[State::Blocked]).await;
    change(&app, async |tx| job_limits::set(tx, &Limit { rate: Some(100_000), ..slow }).await.unwrap()).await;
    let started = Instant::now();
    while notes(test).len() < 25 {
        assert!(started.elapsed() < tests::app::PATIENCE, "{} started", notes(test).len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    change(&app, async |tx| job_limits::remove(tx, Stint::KIND).await.unwrap()).await;
    app.drained().await;
    assert_eq!(notes(test).len(), 600);
    worker.stop().await;
    app.finish().await;
}
