//! Requests that are sent again under an `Idempotency-Key`.

use chrono::TimeDelta;
use db::clock::Clock;
use domain::user::Role;
use jobs::Retention;
use queue::ledger::{self, State};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, app::Overrides, archives, client::answer, database};
use uuid::Uuid;

use super::things::schedule;

fn key() -> String {
    Uuid::new_v4().to_string()
}

async fn form(app: &TestApp, title: &str) -> Value {
    let categories = app.get("/api/v1/categories").await;
    json!({
        "title": title, "description": "What this unit teaches.", "duration_minutes": 10, "level": 1,
        "language": "en", "format": "mixed", "license": "CC-BY", "categories": [categories.body["data"][0]["slug"]],
    })
}

fn create(app: &TestApp, user: &User, key: &str, form: &Value) -> RequestBuilder {
    user.request(app, Method::POST, "/api/v1/nanos").header("idempotency-key", key).json(form)
}

async fn rows(app: &TestApp, table: &str) -> i64 {
    database::number(&app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap()
}

#[track_caller]
fn assert_replayed(first: &Answer, again: &Answer) {
    assert!(!first.headers.contains_key("idempotent-replayed"), "{:?}", first.headers);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.headers.get("location"), first.headers.get("location"));
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_makes_nothing_twice() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, app.creator("bert").await);
    let (key, form) = (key(), form(&app, "Once").await);
    let first = answer(create(&app, &ada, &key, &form)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{:#}", first.body);
    let again = answer(create(&app, &ada, &key, &form)).await;
    assert_replayed(&first, &again);
    assert_eq!(rows(&app, "nanos").await, 1);

    // Another request under the key, by its body or its address.
    let other = json!({"title": "Twice"});
    let mut changed = form.clone();
    changed["title"] = other["title"].clone();
    let refused = answer(create(&app, &ada, &key, &changed)).await;
    assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "IDEMPOTENCY_KEY_REUSED");
    let upload = ada.upload(&app, first.location().rsplit('/').next().unwrap(), archives::unit()).await;
    let finish = |key: &str| {
        let request = ada.request(&app, Method::POST, &format!("/api/v1/uploads/{upload}/finish"));
        request.header("idempotency-key", key)
    };
    let refused = answer(finish(&key)).await;
    assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "IDEMPOTENCY_KEY_REUSED");

    // Others have keys of their own, and without one nothing is remembered.
    let theirs = answer(create(&app, &bert, &key, &form)).await;
    assert_eq!(theirs.status, StatusCode::CREATED, "{:#}", theirs.body);
    assert_ne!(theirs.location(), first.location());
    for _ in 0..2 {
        ada.post(&app, "/api/v1/nanos", &form).await.data(StatusCode::CREATED);
    }
    assert_eq!(rows(&app, "nanos").await, 4);

    // The answer is that of the first time, whatever has become of the thing.
    let finish_key = self::key();
    let finished = answer(finish(&finish_key)).await;
    finished.data(StatusCode::ACCEPTED);
    assert_eq!(ada.delete(&app, first.location()).await.status, StatusCode::NO_CONTENT);
    assert_replayed(&finished, &answer(finish(&finish_key)).await);
    assert_eq!(rows(&app, "nano_versions").await, 1);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_does_not_use_up_its_key() {
    let app = TestApp::start().await;
    let ada = app.creator("ada").await;
    let (key, good) = (key(), form(&app, "Good").await);
    let mut bad = good.clone();
    bad["categories"] = json!(["no-such-category"]);
    for _ in 0..2 {
        let refused = answer(create(&app, &ada, &key, &bad)).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    }
    assert_eq!(rows(&app, "idempotency_keys").await, 0);
    answer(create(&app, &ada, &key, &good)).await.data(StatusCode::CREATED);
    for wrong in ["short", "with a space in between", &"k".repeat(129)] {
        let refused = answer(create(&app, &ada, wrong, &good)).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
        assert_eq!(refused.body["error"]["details"]["fields"][0]["field"], "Idempotency-Key");
    }
    let two = create(&app, &ada, &self::key(), &good).header("idempotency-key", self::key());
    assert_eq!(answer(two).await.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(rows(&app, "nanos").await, 1);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_is_under_way_a_second_one_is_sent_away() {
    let app = TestApp::start().await;
    let ada = app.creator("ada").await;
    let (key, form) = (key(), form(&app, "Slow").await);
    // Whatever is made waits for the end of the audit log.
    let mut tx = app.db.begin().await.unwrap();
    sqlx::query("SELECT seq FROM audit_head WHERE id = 1 FOR UPDATE").fetch_one(&mut *tx).await.unwrap();
    let send = || tokio::spawn(answer(create(&app, &ada, &key, &form)));
    let (mut one, mut two) = (send(), send());
    let (early, late) = tokio::select! {
        early = &mut one => (early.unwrap(), two),
        early = &mut two => (early.unwrap(), one),
    };
    assert_eq!(early.error(StatusCode::CONFLICT), "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(early.headers["retry-after"], "2");
    tx.rollback().await.unwrap();
    let first = late.await.unwrap();
    first.data(StatusCode::CREATED);
    assert_replayed(&first, &answer(create(&app, &ada, &key, &form)).await);

    // However many come at once.
    let key = self::key();
    let all: Vec<_> = (0..10).map(|_| tokio::spawn(answer(create(&app, &ada, &key, &form)))).collect();
    let mut locations = Vec::new();
    for answer in all {
        let answer = answer.await.unwrap();
        match answer.status {
            StatusCode::CREATED => locations.push(answer.location().to_owned()),
            _ => assert_eq!(answer.error(StatusCode::CONFLICT), "IDEMPOTENCY_KEY_IN_USE"),
        }
    }
    locations.dedup();
    assert_eq!(locations.len(), 1, "{locations:?}");
    assert_eq!(rows(&app, "nanos").await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_remembered_for_a_day() {
    let start = Clock::System.now();
    let clock = Clock::manual(start);
    let app = TestApp::start_with(Overrides { clock: clock.clone(), ..Overrides::default() }).await;
    let ada = app.creator("ada").await;
    let (key, form) = (key(), form(&app, "Daily").await);
    let first = answer(create(&app, &ada, &key, &form)).await;
    first.data(StatusCode::CREATED);
    let age = async |hours: i64| {
        let at = start - TimeDelta::hours(hours);
        sqlx::query("UPDATE idempotency_keys SET created_at = ?").bind(at).execute(app.db.pool()).await.unwrap();
    };
    age(23).await;
    assert_replayed(&first, &answer(create(&app, &ada, &key, &form)).await);
    age(25).await;
    let anew = answer(create(&app, &ada, &key, &form)).await;
    assert_ne!(anew.data(StatusCode::CREATED)["id"], first.body["data"]["id"]);
    answer(create(&app, &ada, &self::key(), &form)).await.data(StatusCode::CREATED);
    // What has had its time goes with the nightly clean-up, and nothing else.
    sqlx::query("UPDATE idempotency_keys SET created_at = ? LIMIT 1")
        .bind(start - TimeDelta::hours(25))
        .execute(app.db.pool())
        .await
        .unwrap();
    let job = app.put(&Retention {}).await;
    app.run_one(job).await;
    assert_eq!(rows(&app, "idempotency_keys").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_strangers_may_repeat_themselves() {
    let app = TestApp::start().await;
    schedule(&app).await;
    let operator = app.user("operator", Role::Operator).await;
    let reason = json!({"reason": "the answer was lost"});
    let bulk = json!({"action": "cancel", "filter": {"kind": "send_email"}, "reason": "the answer was lost"});
    for (path, body) in [("/api/v1/admin/jobs/schedules/prune_ledger/run", &reason), ("/api/v1/admin/jobs/bulk", &bulk)]
    {
        let key = key();
        let send = || operator.request(&app, Method::POST, path).header("idempotency-key", &key).json(body);
        let first = answer(send()).await;
        first.data(StatusCode::ACCEPTED);
        assert_replayed(&first, &answer(send()).await);
    }
    assert_eq!(rows(&app, "bulk_actions").await, 1);
    assert_eq!(rows(&app, "cron_ticks").await, 1);
    let key = key();
    let form = json!({"email": "cleo@nano.test", "username": "cleo", "password": "a long enough phrase"});
    let register = || app.request(Method::POST, "/api/v1/auth/register").header("idempotency-key", &key).json(&form);
    let first = answer(register()).await;
    first.data(StatusCode::ACCEPTED);
    assert_replayed(&first, &answer(register()).await);
    // Neither key nor password can be read off or guessed at from what is kept.
    let kept: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT id, fingerprint, body FROM idempotency_keys").fetch_all(app.db.pool()).await.unwrap();
    for (id, fingerprint, body) in kept {
        assert_eq!((id.len(), fingerprint.len()), (32, 32));
        let body = String::from_utf8(body).unwrap();
        assert!(!body.contains(&key) && !body.contains("enough phrase"), "{body}");
    }
    app.discard().await;
}

/// By then the limit may be used up, the address another one, and the thing gone or another's.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_answered_again_before_anything_is_looked_at() {
    let app = TestApp::start_with(Overrides {
        settings: Some(|settings| {
            settings.registrations_per_hour = 1;
            settings.trusted_proxies = api::TrustedProxies::parse("127.0.0.1").unwrap();
        }),
        ..Overrides::default()
    })
    .await;
    let key = key();
    let register = |name: &str, key: &str, from: &str| {
        let form = json!({"email": format!("{name}@nano.test"), "username": name, "password": "a long enough phrase"});
        let request = app.request(Method::POST, "/api/v1/auth/register").header("x-forwarded-for", from);
        answer(request.header("idempotency-key", key).json(&form))
    };
    let first = register("cleo", &key, "198.51.100.1").await;
    first.data(StatusCode::ACCEPTED);
    for from in ["198.51.100.1", "203.0.113.9", "2001:db8::1"] {
        assert_replayed(&first, &register("cleo", &key, from).await);
    }
    let another = register("dora", &self::key(), "198.51.100.1").await;
    assert_eq!(another.error(StatusCode::TOO_MANY_REQUESTS), "RATE_LIMITED");
    let another = register("dora", &key, "198.51.100.1").await;
    assert_eq!(another.error(StatusCode::UNPROCESSABLE_ENTITY), "IDEMPOTENCY_KEY_REUSED");

    let (ada, bert) = (app.creator("ada").await, app.creator("bert").await);
    let nano = ada.draft(&app, "Given away").await;
    let upload = ada.upload(&app, &nano, archives::unit()).await;
    let path = format!("/api/v1/uploads/{upload}/finish");
    let finish = |user: &User| answer(user.request(&app, Method::POST, &path).header("idempotency-key", &key));
    let first = finish(&ada).await;
    first.data(StatusCode::ACCEPTED);
    let given = format!("UPDATE uploads SET owner_id = UNHEX(REPLACE('{}', '-', ''))", bert.id);
    database::execute(&app.db, &given).await.unwrap();
    assert_replayed(&first, &finish(&ada).await);
    // Who has lost the right to ask is refused all the same.
    database::execute(&app.db, "UPDATE users SET status = 'suspended' WHERE username = 'ada'").await.unwrap();
    assert_eq!(finish(&ada).await.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_on_a_job_happen_once() {
    let app = TestApp::start().await;
    let operator = app.user("operator", Role::Operator).await;
    let job = app.put(&jobs::RemoveObject { key: "nobody/nothing".into() }).await;
    let complete = async || {
        app.run_one(job).await;
        assert_eq!(ledger::get(&app.db, job).await.unwrap().unwrap().state, State::Completed);
    };
    let set = async |state: &str| {
        database::execute(&app.db, &format!("UPDATE jobs SET state = '{state}'")).await.unwrap();
    };
    complete().await;
    for (path, before) in [
        (format!("/api/v1/admin/jobs/{job}/rerun"), "completed"),
        (format!("/api/v1/jobs/{job}/retry"), "discarded"),
        (format!("/api/v1/admin/jobs/{job}/discard"), "retryable"),
        (format!("/api/v1/jobs/{job}/cancel"), "available"),
    ] {
        let key = key();
        let act = || {
            let request = operator.request(&app, Method::POST, &path).header("idempotency-key", &key);
            answer(request.json(&json!({"reason": "the answer was lost"})))
        };
        set(before).await;
        let first = act().await;
        assert_eq!(first.data(StatusCode::OK)["changed"], 1, "{path}");
        // As if what was asked for had happened by now, and could happen again.
        set(before).await;
        let rows = rows(&app, "job_actions").await;
        assert_replayed(&first, &act().await);
        assert_eq!(self::rows(&app, "job_actions").await, rows, "{path}");
        assert_eq!(ledger::get(&app.db, job).await.unwrap().unwrap().state.as_str(), before, "{path}");
    }
    app.discard().await;
}
