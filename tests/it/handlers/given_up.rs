//! Jobs that are given up: the mail, upload or bulk action they were for says so, and goes on when they are retried.

use chrono::{TimeDelta, Utc};
use db::{
    Json,
    clock::{self, Clock},
};
use domain::{ids::DeliveryId, user::Language};
use infra::db::{
    audit_log,
    email_deliveries::{self, DeliveryState},
};
use jobs::{NewMail, RemoveObject, SendEmail, queue_mail};
use queue::{
    builtin::{BulkAction, TellGivenUp},
    control::{self, act},
    ids::JobId,
    ledger::{
        self, Action, By, State, bulk_actions,
        list::{self, Filter},
        workers,
    },
};
use serde_json::json;
use tests::{TestApp, app::Overrides};
use uuid::Uuid;

async fn act(app: &TestApp, id: JobId, action: Action) -> State {
    let mut tx = app.db.begin().await.unwrap();
    let change = act::operate(&mut tx, &jobs::KINDS, id, action, &By::system("a test")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    change.after
}

/// The job and the delivery of a mail that is queued.
async fn mail(app: &TestApp, key: &str) -> (JobId, DeliveryId) {
    let mut tx = app.db.begin().await.unwrap();
    let mail = NewMail {
        key,
        template: "already_registered",
        language: Language::En,
        user_id: None,
        recipient: "ada@example.org",
        params: json!({}),
        now: chrono::Utc::now(),
    };
    queue_mail(&mut tx, mail).await.unwrap();
    tx.commit().await.unwrap();
    let (id, job) = app.enqueued::<SendEmail>().await.pop().unwrap();
    (id, job.delivery_id)
}

async fn fate(app: &TestApp, id: DeliveryId) -> String {
    email_deliveries::get(&app.db, id).await.unwrap().unwrap().state.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_given_up_goes_out_when_it_is_retried() {
    let app = TestApp::start().await;
    let (job, delivery) = mail(&app, "given-up").await;
    for action in [Action::Cancel, Action::Discard] {
        assert!(act(&app, job, action).await.is_terminal());
        app.run_all_due().await;
        assert_eq!(fate(&app, delivery).await, "given_up", "{action}");
        assert!(app.mail.messages().is_empty());
        if action == Action::Cancel {
            assert_eq!(act(&app, job, Action::Retry).await, State::Available);
        }
    }
    assert_eq!(act(&app, job, Action::Retry).await, State::Available);
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!((fate(&app, delivery).await.as_str(), app.mail.messages().len()), ("sent", 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_given_up_while_it_is_sent_is_ambiguous_and_stays_so() {
    let app = TestApp::start().await;
    let (job, delivery) = mail(&app, "in-the-exchange").await;
    assert!(email_deliveries::begin_sending(&app.db, delivery, 1, DeliveryState::Queued).await.unwrap());
    act(&app, job, Action::Cancel).await;
    app.run_all_due().await;
    assert_eq!(fate(&app, delivery).await, "ambiguous");
    act(&app, job, Action::Retry).await;
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!((fate(&app, delivery).await.as_str(), app.mail.messages().len()), ("ambiguous", 0));
    app.finish().await;
}

/// Minutes at first, hours later, days in all; then the mail is given up, and a retry begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_put_off_is_tried_for_three_days_and_given_up() {
    let clock = Clock::manual(Utc::now());
    let app = TestApp::start_with(Overrides { clock: clock.clone(), ..Overrides::default() }).await;
    app.mail.put_off(true);
    let (job, delivery) = mail(&app, "put-off").await;
    let mut waits = Vec::new();
    let last = loop {
        let row = app.run_one(job).await;
        if row.state.is_terminal() {
            break row;
        }
        assert_eq!((row.state, row.failures, fate(&app, delivery).await.as_str()), (State::Scheduled, 0, "queued"));
        let wait = row.run_at - clock::now(&app.db).await.unwrap();
        waits.push((wait.as_seconds_f64() / 60.0).round() as i64);
        clock.advance(wait);
        assert_eq!(act(&app, job, Action::Retry).await, State::Available);
        assert!(waits.len() < 100, "tried without end");
    };
    assert_eq!(waits[..8], [5, 15, 30, 60, 120, 240, 480, 480]);
    let days = TimeDelta::minutes(waits.iter().sum());
    assert!(days > TimeDelta::hours(60) && days <= TimeDelta::days(3), "{days}");
    assert_eq!((last.state, fate(&app, delivery).await.as_str()), (State::Discarded, "given_up"));
    let shown = last.last_error.unwrap();
    assert!(shown.contains("451") && shown.contains("3 days") && !shown.contains("ada@"), "{shown}");
    assert!(app.mail.messages().is_empty());

    assert_eq!(act(&app, job, Action::Retry).await, State::Available);
    assert_eq!(app.run_one(job).await.state, State::Scheduled, "it begins anew");
    app.mail.put_off(false);
    assert_eq!(act(&app, job, Action::Retry).await, State::Available);
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!((fate(&app, delivery).await.as_str(), app.mail.messages().len()), ("sent", 1));
    app.finish().await;
}

/// A server that is away as a whole is waited for within seconds, without end.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_puts_nothing_off() {
    let app = TestApp::start().await;
    app.mail.refuse(true);
    let (job, delivery) = mail(&app, "away").await;
    for _ in 0..3 {
        let row = app.run_one(job).await;
        let wait = row.run_at - clock::now(&app.db).await.unwrap();
        assert!(wait < TimeDelta::seconds(16), "{wait}");
        assert_eq!((row.failures, fate(&app, delivery).await.as_str()), (0, "queued"));
        act(&app, job, Action::Retry).await;
    }
    app.mail.refuse(false);
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!(fate(&app, delivery).await, "sent");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_set_aside_because_workers_die_with_it_leaves_word() {
    let app = TestApp::start().await;
    let (job, delivery) = mail(&app, "poison").await;
    for _ in 0..20 {
        let lost = app.enrol("lost", "mail").await;
        assert!(app.enqueued::<TellGivenUp>().await.is_empty());
        assert_eq!(ledger::claim(&app.db, lost, vec![job]).await.unwrap().len(), 1);
        workers::stop(&app.db, lost).await.unwrap();
        assert_eq!(act::rescue_jobs_of(&app.db, &jobs::KINDS, lost).await.unwrap(), 1);
    }
    let tell = app.assert_enqueued::<TellGivenUp>(|tell| tell.job == job).await;
    assert_eq!(app.run_one(tell).await.state, State::Completed);
    assert_eq!(fate(&app, delivery).await, "given_up");
    assert_eq!(act(&app, job, Action::Retry).await, State::Available);
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!(fate(&app, delivery).await, "sent");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_action_retries_every_job_that_matches_and_leaves_later_ones_alone() {
    let app = TestApp::start().await;
    let key = |name: &str| RemoveObject { key: format!("uploads/{name}.zip") };
    let (first, second) = (app.put(&key("first")).await, app.put(&key("second")).await);
    for id in [first, second] {
        act(&app, id, Action::Cancel).await;
    }
    let filter = Filter { kind: Some("remove_object".into()), ..Filter::default() };
    let matched = list::count(&app.db, &filter).await.unwrap();
    let new = control::NewBulk { action: Action::Retry, filter, per_second: None, matched };
    let mut tx = app.db.begin().await.unwrap();
    let (bulk, _) = control::bulk(&mut tx, &new, &By::system("a test")).await.unwrap();
    tx.commit().await.unwrap();
    let later = app.put(&key("later")).await;
    act(&app, later, Action::Cancel).await;

    assert_eq!(app.run_one(bulk.job).await.state, State::Completed);
    let states = async |id| ledger::get(&app.db, id).await.unwrap().unwrap().state;
    assert_eq!((states(first).await, states(second).await, states(later).await), {
        (State::Available, State::Available, State::Cancelled)
    });
    let row = bulk_actions::get(&app.db, bulk.id).await.unwrap().unwrap();
    assert_eq!((row.changed, row.skipped, row.finished_at.is_some()), (2, 0, true));
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_bulk_action_says_how_far_it_came_and_goes_on_when_retried() {
    let app = TestApp::start().await;
    let (first, _) = mail(&app, "bulk-1").await;
    let bulk_id = Uuid::now_v7();
    let job = app.put(&BulkAction { bulk_id, actor_id: None }).await;
    let row = bulk_actions::BulkAction {
        id: bulk_id,
        action: Action::Cancel,
        filter: Json(Filter { kind: Some("send_email".into()), ..Filter::default() }),
        reason: "a test".into(),
        actor: None,
        per_second: None,
        matched: 1,
        until: job,
        cursor: None,
        changed: 0,
        skipped: 0,
        job,
        created_at: chrono::Utc::now(),
        finished_at: None,
    };
    let mut tx = app.db.begin().await.unwrap();
    bulk_actions::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(act(&app, job, Action::Cancel).await, State::Cancelled);
    let tell = app.assert_enqueued::<TellGivenUp>(|tell| tell.job == job).await;
    app.run_one(tell).await;
    let written = async |action: &str| {
        let filter = audit_log::Filter { action: Some(action.into()), ..audit_log::Filter::default() };
        audit_log::page(&app.db, &filter, 0, 10).await.unwrap().0
    };
    let stopped = written("jobs.bulk_stopped").await;
    assert_eq!(stopped.len(), 1);
    assert_eq!((stopped[0].entry.target_id, &stopped[0].entry.details["changed"]), (Some(bulk_id), &json!(0)));
    assert_eq!(ledger::get(&app.db, first).await.unwrap().unwrap().state, State::Available);

    assert_eq!(act(&app, job, Action::Retry).await, State::Available);
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!(ledger::get(&app.db, first).await.unwrap().unwrap().state, State::Cancelled);
    assert_eq!(written("jobs.bulk_finished").await.len(), 1);
    app.run_all_due().await;
    app.finish().await;
}
