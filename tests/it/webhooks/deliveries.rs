//! What becomes of deliveries: attempts, later ones, given up, asked for again, and processes that die in the middle.

use std::{collections::HashSet, time::Duration};

use chrono::TimeDelta;
use domain::{
    ids::{NanoId, RatingId, UserId},
    webhook::{ATTEMPTS_LISTED, ROUNDS_MAX, TESTS_MAX},
};
use jobs::{DeliverWebhook, Retention};
use queue::{
    control::act,
    ledger::{Action, By, State},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    app::{Overrides, PATIENCE},
    client::answer,
    database,
    receiver::{Reaction, Receiver},
};

use super::{ALL, Stage, ask, made, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tried_again_until_it_is_answered_well() {
    let stage = Stage::start().await;
    let kit = stage.app.kit().await.clone();
    stage.receiver.react([Reaction::Says(500, "Out of order\u{7}".into()), Reaction::Later(600)]);
    stage.rated(RatingId::new(), 1).await;
    let job = stage.job().await;
    assert_eq!(stage.attempt(&kit, job).await, State::Scheduled);
    let first = stage.deliveries().await.remove(0);
    assert_eq!(
        (&first["state"], &first["type"], &first["delivered_at"]),
        (&json!("pending"), &json!("nano.rated"), &json!(null))
    );
    assert_eq!(first["message"], stage.receiver.received()[0].json());
    let attempt = &first["attempts"][0];
    assert_eq!((&attempt["number"], &attempt["status"], &attempt["error"]), (&json!(1), &json!(500), &json!(null)));
    assert_eq!(attempt["answer"], "Out of order", "without control characters");
    assert!(stage.seen().await["failing_since"].is_string());
    let waits = |delivery: &Value| {
        let next: chrono::DateTime<chrono::Utc> = delivery["next_at"].as_str().unwrap().parse().unwrap();
        (next - stage.app.clock.now()).num_seconds()
    };
    assert!((55..=60).contains(&waits(&first)), "{first:#}");

    assert_eq!(stage.attempt(&kit, job).await, State::Scheduled);
    let second = stage.deliveries().await.remove(0);
    assert!((595..=600).contains(&waits(&second)), "later than ours, as it has asked: {second:#}");
    assert_eq!(stage.attempt(&kit, job).await, State::Completed);
    let third = stage.deliveries().await.remove(0);
    assert_eq!((&third["state"], &third["next_at"]), (&json!("delivered"), &json!(null)));
    let statuses: Vec<_> =
        third["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(statuses, [500, 429, 204]);
    assert_eq!(stage.seen().await["failing_since"], Value::Null);
    let received = stage.receiver.received();
    let ids: HashSet<_> = received.iter().map(|one| one.header("webhook-id").to_owned()).collect();
    assert_eq!(ids, HashSet::from([third["event_id"].as_str().unwrap().to_owned()]), "a receiver knows a repeat");
    assert!(received.iter().all(|one| one.is_signed_with(&stage.secret) && one.header("cookie").is_empty()));
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_for_days_has_failed_and_can_be_sent_again() {
    let stage = Stage::start().await;
    let (app, kit) = (&stage.app, stage.app.kit().await.clone());
    stage.receiver.react((0..9).map(|_| Reaction::Status(503)));
    stage.rated(RatingId::new(), 1).await;
    let job = stage.job().await;
    for attempt in 1..=9 {
        let state = if attempt < 9 { State::Scheduled } else { State::Completed };
        assert_eq!(stage.attempt(&kit, job).await, state, "attempt {attempt}");
    }
    let failed = stage.deliveries().await.remove(0);
    assert_eq!((&failed["state"], failed["attempts"].as_array().unwrap().len()), (&json!("failed"), 9));
    assert_eq!(stage.seen().await["enabled"], true, "all within a moment, as this test has it");

    let resend = stage.path(&format!("/deliveries/{}/resend", failed["id"].as_str().unwrap()));
    let again = || stage.creator.request(app, Method::POST, &resend).header("idempotency-key", "a-key-for-this-resend");
    let (first, second) = (answer(again()).await, answer(again()).await);
    assert_eq!(first.data(StatusCode::ACCEPTED), second.data(StatusCode::ACCEPTED), "asked for once");
    app.run_all_due().await;
    let received = stage.receiver.received();
    assert_eq!(received.len(), 10);
    assert_eq!(received[9].header("webhook-id"), received[0].header("webhook-id"));
    assert_eq!(received[9].body, received[0].body);
    let delivered = stage.deliveries().await.remove(0);
    assert_eq!((&delivered["state"], delivered["attempts"].as_array().unwrap().len()), (&json!("delivered"), 10));
    // What has arrived is sent again, too: receivers lose things.
    answer(stage.creator.request(app, Method::POST, &resend)).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    assert_eq!(stage.receiver.received().len(), 11);
    stage.app.finish().await;
}

/// Of two requests for the same delivery the older one does nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_waits_is_sent_at_once_when_its_owner_asks() {
    let stage = Stage::start().await;
    let kit = stage.app.kit().await.clone();
    stage.receiver.react([Reaction::Status(500)]);
    stage.rated(RatingId::new(), 1).await;
    let old = stage.job().await;
    assert_eq!(stage.attempt(&kit, old).await, State::Scheduled);
    let waiting = stage.deliveries().await.remove(0);
    let resend = stage.path(&format!("/deliveries/{}/resend", waiting["id"].as_str().unwrap()));
    ask(&stage.app, &stage.creator, &resend).await.data(StatusCode::ACCEPTED);
    stage.app.run_all_due().await;
    assert_eq!(stage.receiver.received().len(), 2);
    assert_eq!(stage.attempt(&kit, old).await, State::Completed);
    assert_eq!(stage.receiver.received().len(), 2, "the old job finds it done");
    assert_eq!(stage.deliveries().await.remove(0)["state"], "delivered");
    stage.app.finish().await;
}

/// An operator who cancels the older of two requests for the same delivery leaves the newer one alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_takes_no_later_request_with_it() {
    let stage = Stage::start().await;
    let kit = stage.app.kit().await.clone();
    stage.receiver.react([Reaction::Status(500), Reaction::Status(500)]);
    stage.rated(RatingId::new(), 1).await;
    let old = stage.job().await;
    assert_eq!(stage.attempt(&kit, old).await, State::Scheduled);
    let waiting = stage.deliveries().await.remove(0);
    let resend = stage.path(&format!("/deliveries/{}/resend", waiting["id"].as_str().unwrap()));
    ask(&stage.app, &stage.creator, &resend).await.data(StatusCode::ACCEPTED);
    let mut tx = stage.app.db.begin().await.unwrap();
    act::operate(&mut tx, &jobs::KINDS, old, Action::Cancel, &By::system("a test")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    stage.app.run_all_due().await;
    assert_eq!(stage.receiver.received().len(), 2);
    assert_eq!(stage.deliveries().await.remove(0)["state"], "pending", "the newer one goes on");
    let jobs = stage.app.enqueued::<DeliverWebhook>().await;
    let (new, _) = jobs.into_iter().find(|(_, job)| job.round == 2).unwrap();
    assert_eq!(stage.attempt(&kit, new).await, State::Completed);
    assert_eq!(stage.deliveries().await.remove(0)["state"], "delivered");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_for_days_is_switched_off_and_its_owner_told() {
    let stage = Stage::start().await;
    let (app, kit) = (&stage.app, stage.app.kit().await.clone());
    stage.receiver.react([Reaction::Status(500), Reaction::Status(500)]);
    for revision in 1..=3 {
        stage.rated(RatingId::new(), revision).await;
    }
    let jobs = app.enqueued::<DeliverWebhook>().await;
    assert_eq!(stage.attempt(&kit, jobs[0].0).await, State::Scheduled);
    app.advance(TimeDelta::days(5) + TimeDelta::minutes(1));
    assert_eq!(stage.attempt(&kit, jobs[1].0).await, State::Completed);
    let seen = stage.seen().await;
    assert_eq!((&seen["enabled"], &seen["disabled_for"]), (&json!(false), &json!("failures")));
    // What waits is not sent any more, and nothing new is written.
    for (job, _) in [&jobs[0], &jobs[2]] {
        assert_eq!(stage.attempt(&kit, *job).await, State::Completed);
    }
    stage.rated(RatingId::new(), 1).await;
    assert_eq!(stage.receiver.received().len(), 2);
    let list = stage.deliveries().await;
    assert!(list.len() == 3 && list.iter().all(|delivery| delivery["state"] == "failed"), "{list:#?}");
    kit.run_all_due().await;
    let mail = app.mail.wait_for(|mail| mail.subject.contains("switched off"), PATIENCE).await.unwrap();
    let text = mail.text.unwrap();
    assert!(
        mail.to == ["ada@nano.test"] && text.contains("Catalogue") && !text.contains(&stage.receiver.url),
        "{text}"
    );

    let ada = stage.creator_now().await;
    let on = send(app, &ada, Method::PATCH, &stage.path(""), json!({"enabled": true})).await;
    let shown = on.data(StatusCode::OK);
    assert_eq!((&shown["enabled"], &shown["failing_since"]), (&json!(true), &json!(null)));
    stage.rated(RatingId::new(), 1).await;
    kit.run_all_due().await;
    assert_eq!(stage.receiver.received().len(), 3);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_that_they_are_gone_is_told_nothing_more_and_a_suspended_owner_neither() {
    let stage = Stage::start().await;
    let kit = stage.app.kit().await.clone();
    stage.receiver.react([Reaction::Status(410)]);
    stage.rated(RatingId::new(), 1).await;
    assert_eq!(stage.attempt(&kit, stage.job().await).await, State::Completed);
    assert_eq!(stage.seen().await["disabled_for"], "failures");
    let (other, bea) = (Receiver::start().await, stage.app.creator("bea").await);
    let (webhook, _) = made(&stage.app, &bea, &other.url, &ALL).await;
    ask(&stage.app, &bea, &format!("/api/v1/me/webhooks/{webhook}/test")).await.data(StatusCode::ACCEPTED);
    let id: UserId = bea.id.parse().unwrap();
    database::set_user_status(&stage.app.db, id, domain::user::UserStatus::Suspended).await.unwrap();
    kit.run_all_due().await;
    assert!(other.received().is_empty());
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_secret_signs_for_a_day_beside_the_new_one() {
    let stage = Stage::start().await;
    let app = &stage.app;
    let new = ask(app, &stage.creator, &stage.path("/secrets")).await;
    let data = new.data(StatusCode::CREATED);
    let next = data["secret"].as_str().unwrap().to_owned();
    assert_ne!(next, stage.secret);
    stage.rated(RatingId::new(), 1).await;
    app.run_all_due().await;
    app.advance(TimeDelta::days(1) + TimeDelta::seconds(1));
    stage.rated(RatingId::new(), 1).await;
    app.run_all_due().await;
    let received = stage.receiver.received();
    let signed = |at: usize| (received[at].is_signed_with(&stage.secret), received[at].is_signed_with(&next));
    assert_eq!((signed(0), signed(1)), ((true, true), (false, true)));
    // Nobody collects them: five are good at a time.
    let ada = stage.creator_now().await;
    for _ in 0..4 {
        ask(app, &ada, &stage.path("/secrets")).await.data(StatusCode::CREATED);
    }
    assert_eq!(ask(app, &ada, &stage.path("/secrets")).await.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    stage.app.finish().await;
}

/// A process dies after the receiver has heard it, and before that is written down.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_has_sent_is_sent_again_under_the_same_id() {
    let stage = Stage::start_with(Overrides::default()).await;
    stage.receiver.react([Reaction::Silence]);
    stage.rated(RatingId::new(), 1).await;
    let mut first = stage.app.worker_process("first").await;
    stage.receiver.wait_for(1, PATIENCE).await;
    first.kill().await.unwrap();
    let mut second = stage.app.worker_process("second").await;
    let received = stage.receiver.wait_for(2, PATIENCE).await;
    stage.app.drained().await;
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert_eq!(received[0].body, received[1].body);
    let delivery = stage.deliveries().await.remove(0);
    assert_eq!(delivery["state"], "delivered");
    second.terminate(Duration::from_secs(20)).await.unwrap();
    stage.app.finish().await;
}

/// Whoever asks without end makes no list that is too long to be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_sent_again_a_few_times_and_no_more() {
    let stage = Stage::start().await;
    let app = &stage.app;
    stage.rated(RatingId::new(), 1).await;
    app.run_all_due().await;
    let delivered = stage.deliveries().await.remove(0);
    let resend = stage.path(&format!("/deliveries/{}/resend", delivered["id"].as_str().unwrap()));
    // As if it had failed again and again: the last attempts are listed.
    let (first, last) = (2, ATTEMPTS_LISTED + 5);
    for number in first..=last {
        let copy = format!(
            "INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, status, error, answer)
             SELECT delivery_id, {number}, started_at, duration_ms, 500, NULL, '' FROM webhook_attempts WHERE number = 1"
        );
        database::execute(&app.db, &copy).await.unwrap();
    }
    let counted = format!("UPDATE webhook_deliveries SET attempts = {last}, round = {}", ROUNDS_MAX - 1);
    database::execute(&app.db, &counted).await.unwrap();
    let listed = stage.deliveries().await.remove(0);
    let numbers: Vec<_> =
        listed["attempts"].as_array().unwrap().iter().map(|attempt| attempt["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (u64::from(last - ATTEMPTS_LISTED) + 1..=u64::from(last)).collect::<Vec<_>>());

    ask(app, &stage.creator, &resend).await.data(StatusCode::ACCEPTED);
    assert_eq!(ask(app, &stage.creator, &resend).await.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    app.run_all_due().await;
    assert_eq!(ask(app, &stage.creator, &resend).await.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    assert_eq!(stage.receiver.received().len(), 2);

    // Messages that try it are counted while they are under way, and not with others.
    stage.rated(RatingId::new(), 1).await;
    let test = stage.path("/test");
    for _ in 0..TESTS_MAX {
        ask(app, &stage.creator, &test).await.data(StatusCode::ACCEPTED);
    }
    assert_eq!(ask(app, &stage.creator, &test).await.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    app.run_all_due().await;
    ask(app, &stage.creator, &test).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_come_in_pages_and_go_after_thirty_days() {
    let stage = Stage::start().await;
    let app = &stage.app;
    for _ in 0..5 {
        stage.rated(RatingId::new(), 1).await;
    }
    app.run_all_due().await;
    let all: Vec<Value> = stage.deliveries().await.iter().map(|delivery| delivery["id"].clone()).collect();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.creator.get(app, &stage.path(&format!("/deliveries?limit=2&state=delivered{cursor}"))).await;
        let list = page.data(StatusCode::OK).as_array().unwrap();
        assert!(list.iter().all(|delivery| delivery["attempts"].as_array().unwrap().len() == 1));
        seen.extend(list.iter().map(|delivery| delivery["id"].clone()));
        let Some(next) = page.body["meta"]["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((seen.len(), &seen), (5, &all));
    let bad = stage.creator.get(app, &stage.path("/deliveries?cursor=yesterday")).await;
    assert_eq!(bad.error(StatusCode::BAD_REQUEST), "CURSOR_INVALID");
    let none = stage.creator.get(app, &stage.path("/deliveries?state=failed")).await;
    assert_eq!(none.data(StatusCode::OK), &json!([]));

    for (days, left) in [(29, 5), (2, 0)] {
        app.advance(TimeDelta::days(days));
        let job = app.put(&Retention {}).await;
        assert_eq!(app.run_one(job).await.state, State::Completed);
        for table in ["webhook_events", "webhook_deliveries", "webhook_attempts"] {
            let rows = database::number(&app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap();
            assert_eq!(rows, left, "{table}");
        }
    }
    let nano: NanoId = stage.nano;
    assert!(infra::db::nanos::get(&app.db, nano).await.unwrap().is_some(), "the webhook's nano is another matter");
    app.run_all_due().await;
    stage.app.finish().await;
}
