//! Forgotten passwords: whom the link lets in, what it ends, and what strangers can find out by asking for one.

use chrono::TimeDelta;
use domain::{ids::UserId, password_hash, user::Role};
use infra::db::{refresh_tokens, users};
use reqwest::StatusCode;
use serde_json::{Value, json};
use servers::mail::Mail;
use tests::{Answer, TestApp, User, client::PASSWORD, database};

use super::{
    identity::{count, mails, register, sign_in, start, token, tokens, whoami},
    verification_mails::rows_with,
};

const NEW: &str = "quite another phrase";

async fn forgot(app: &TestApp, email: &str) -> Answer {
    app.post("/api/v1/auth/forgot-password", &json!({ "email": email })).await
}

async fn reset(app: &TestApp, token: &str, password: &str) -> Answer {
    app.post("/api/v1/auth/reset-password", &json!({"token": token, "new_password": password})).await
}

fn subjects(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}

async fn is_live(app: &TestApp, user: &User) -> bool {
    user.get(app, "/api/v1/auth/me").await.status == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew_and_everybody_else_is_out() {
    let app = start().await;
    let user = app.user("xylomancer", Role::Consumer).await;
    let elsewhere = sign_in(&app, &user.email, PASSWORD).await;
    forgot(&app, " XYLOMANCER@nano.test").await.data(StatusCode::ACCEPTED);
    let link = token(&app, &user.email).await;
    app.advance(TimeDelta::minutes(2));
    forgot(&app, &user.email).await.data(StatusCode::ACCEPTED);
    let sent = mails(&app, &user.email).await;
    assert_eq!(subjects(&sent), ["A new password for your account"; 2]);
    assert!(sent[0].links()[0].starts_with("https://nano.test/reset-password?token="), "{:?}", sent[0].links());
    let second = tokens(&sent[1]).remove(0);

    // A bad password is told, and the link is good for another try. It is for nothing but a new password.
    for (bad, code) in [("short", "TOO_SHORT"), ("Xylomancer!7", "PERSONAL")] {
        let refused = reset(&app, &link, bad).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
        let field = &refused.body["error"]["details"]["fields"][0];
        assert_eq!((field["field"].as_str(), field["code"].as_str()), (Some("new_password"), Some(code)), "{bad}");
    }
    let verify = app.post("/api/v1/auth/verify-email", &json!({ "token": link })).await;
    assert_eq!(verify.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    assert!(is_live(&app, &user).await);

    assert_eq!(reset(&app, &link, NEW).await.status, StatusCode::NO_CONTENT);
    assert!(!is_live(&app, &user).await, "every session ends");
    let refresh = json!({"refresh_token": elsewhere.data(StatusCode::OK)["refresh_token"]});
    let refused = app.post("/api/v1/auth/refresh-token", &refresh).await;
    assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN");
    for used in [&link, &second] {
        assert_eq!(reset(&app, used, PASSWORD).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    }
    assert_eq!(sign_in(&app, &user.email, PASSWORD).await.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    assert_eq!(whoami(&app, &sign_in(&app, &user.email, NEW).await).await, "xylomancer");
    let told = mails(&app, &user.email).await;
    assert_eq!(subjects(&told[2..]), ["Your password was changed"]);
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.reset_password' AND actor_id = target_id").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_good_for_an_hour_and_of_many_at_once_it_works_once() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    forgot(&app, &user.email).await.data(StatusCode::ACCEPTED);
    let late = token(&app, &user.email).await;
    app.advance(TimeDelta::minutes(60));
    assert_eq!(reset(&app, &late, NEW).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    for unknown in ["", "no token", "nano_00", &format!("nano_{}", "0".repeat(64))] {
        assert_eq!(reset(&app, unknown, NEW).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID", "{unknown}");
    }

    forgot(&app, &user.email).await.data(StatusCode::ACCEPTED);
    let link = tokens(mails(&app, &user.email).await.last().unwrap()).remove(0);
    app.advance(TimeDelta::minutes(59));
    let all = futures::future::join_all((0..8).map(|_| reset(&app, &link, NEW))).await;
    let done = all.iter().filter(|answer| answer.status == StatusCode::NO_CONTENT).count();
    assert_eq!(done, 1);
    assert!(all.iter().all(|answer| [204, 400].contains(&answer.status.as_u16())));
    app.run_all_due().await;
    app.finish().await;
}

/// Waits until so many requests wait for the row of an account, which the test holds.
pub(super) async fn wait_for_waiting(app: &TestApp, requests: i64) {
    let waiting = "information_schema.PROCESSLIST
                   WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND INFO LIKE '%FROM users WHERE id = % FOR UPDATE%'";
    let started = std::time::Instant::now();
    while count(app, waiting).await < requests {
        assert!(started.elapsed() < tests::app::PATIENCE, "nobody waits for the account");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Hashing takes its time: what was proven with the old password is worth nothing once there is a new one.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_with_the_old_password_ends_with_it() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let id: UserId = user.id.parse().unwrap();
    let new = password_hash::hash(NEW).unwrap();
    let requests = [
        ("login", json!({"email": user.email, "password": PASSWORD})),
        ("tokens", json!({"name": "n", "scopes": ["read"], "expires_in_days": 1, "password": PASSWORD})),
        ("2fa/setup", json!({ "password": PASSWORD })),
        ("change-email", json!({"email": "vera.new@nano.test", "password": PASSWORD})),
        ("change-password", json!({"current_password": PASSWORD, "new_password": "one more phrase of many"})),
    ];
    for (path, form) in &requests {
        let mut tx = app.db.begin().await.unwrap();
        let before = users::lock(&mut tx, id).await.unwrap().unwrap();
        let reset = async {
            wait_for_waiting(&app, 1).await;
            users::set_password_hash(&mut tx, id, &new, app.clock.now()).await.unwrap();
            tx.commit().await.unwrap();
        };
        let path = format!("/api/v1/auth/{path}");
        let (refused, ()) = tokio::join!(user.post(&app, &path, form), reset);
        assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS", "{path}");
        assert_eq!(whoami(&app, &sign_in(&app, &user.email, NEW).await).await, "vera", "{path}");
        let mut tx = app.db.begin().await.unwrap();
        users::set_password_hash(&mut tx, id, &before.password_hash, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }
    for table in ["personal_tokens", "second_factors", "email_changes"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    app.finish().await;
}

/// What an account that is suspended meanwhile has proven is worth nothing, either.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_to_an_account_that_is_suspended_meanwhile() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let id: UserId = user.id.parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    users::lock(&mut tx, id).await.unwrap().unwrap();
    let suspend = async {
        wait_for_waiting(&app, 1).await;
        users::set_suspended(&mut tx, id, Some("spam"), app.clock.now()).await.unwrap();
        refresh_tokens::revoke_all(&mut tx, id, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let (refused, ()) = tokio::join!(sign_in(&app, &user.email, PASSWORD), suspend);
    assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    assert_eq!(count(&app, "refresh_tokens WHERE revoked_at IS NULL").await, 0);
    app.finish().await;
}

/// Whoever knew the old password may have begun to set up a second factor of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_that_is_being_set_up_ends_with_the_old_password() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let set_up = async |password: &str| {
        let made = user.post(&app, "/api/v1/auth/2fa/setup", &json!({ "password": password })).await;
        made.data(StatusCode::OK);
        assert_eq!(count(&app, "second_factors").await, 1);
    };
    set_up(PASSWORD).await;
    let form = json!({"current_password": PASSWORD, "new_password": NEW});
    assert_eq!(user.post(&app, "/api/v1/auth/change-password", &form).await.status, StatusCode::NO_CONTENT);
    assert_eq!(count(&app, "second_factors").await, 0);
    set_up(NEW).await;
    forgot(&app, &user.email).await.data(StatusCode::ACCEPTED);
    let link = token(&app, &user.email).await;
    assert_eq!(reset(&app, &link, PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(count(&app, "second_factors").await, 0);
    app.run_all_due().await;
    app.finish().await;
}

/// What a call leaves behind, by how many rows.
async fn rows(app: &TestApp) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in ["users", "email_deliveries", "email_tokens", "jobs", "audit_log"] {
        rows.push(count(app, table).await);
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_tells_nothing_about_an_address() {
    let app = start().await;
    let owner = app.user("owner", Role::Consumer).await;
    let barred = app.user("barred", Role::Consumer).await;
    database::execute(&app.db, "UPDATE users SET status = 'suspended' WHERE username = 'barred'").await.unwrap();
    register(&app, "waiting@nano.test", "waiting", PASSWORD).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    let before = app.mail.messages().len();

    let mut seen: Vec<Vec<(Value, Vec<i64>)>> = Vec::new();
    for email in ["unknown@nano.test", owner.email.as_str(), barred.email.as_str(), "waiting@nano.test"] {
        let mut calls = Vec::new();
        for wait in [0, 1, 60] {
            app.advance(TimeDelta::seconds(wait));
            let before = rows(&app).await;
            let mut snapshot = forgot(&app, email).await.snapshot();
            snapshot["body"]["data"]["email"] = json!("[email]");
            let added = rows(&app).await.iter().zip(before).map(|(after, before)| after - before).collect();
            calls.push((snapshot, added));
        }
        seen.push(calls);
    }
    assert!(seen.iter().all(|calls| *calls == seen[0]), "{seen:#?}");
    let mailed: Vec<i64> = seen[0].iter().map(|(_, added)| added[1]).collect();
    assert_eq!(mailed, [1, 0, 1], "one a minute");

    // Only who has confirmed the address, and may sign in, is written to.
    assert_eq!(mails(&app, &owner.email).await.len(), 2);
    assert_eq!(app.mail.messages().len(), before + 2);
    assert_eq!(count(&app, "email_deliveries WHERE state = 'failed' AND recipient = ''").await, 6);
    assert_eq!(count(&app, "email_tokens WHERE purpose = 'reset_password'").await, 2);

    let at_once = futures::future::join_all((0..20).map(|_| forgot(&app, "crowd@nano.test"))).await;
    assert!(at_once.iter().all(|answer| answer.status == StatusCode::ACCEPTED));
    assert_eq!(count(&app, "email_deliveries WHERE recipient = 'crowd@nano.test'").await, 1);
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_suspended_meanwhile_stays_out_and_no_link_can_be_read() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    forgot(&app, &user.email).await.data(StatusCode::ACCEPTED);
    let link = token(&app, &user.email).await;
    let secret = link.strip_prefix("nano_").unwrap();
    assert_eq!(rows_with(&app, &hex::encode(secret)).await, 0, "as text");
    assert_eq!(rows_with(&app, secret).await, 0, "as bytes");
    database::execute(&app.db, "UPDATE users SET status = 'suspended'").await.unwrap();
    assert_eq!(reset(&app, &link, NEW).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    database::execute(&app.db, "UPDATE users SET status = 'active'").await.unwrap();
    whoami(&app, &sign_in(&app, &user.email, PASSWORD).await).await;
    assert_eq!(reset(&app, &link, NEW).await.status, StatusCode::NO_CONTENT);
    app.run_all_due().await;
    app.finish().await;
}

/// Most people ask for a new password after they have guessed at the old one.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_guessed_until_the_limit_may_sign_in_after_a_reset() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    for _ in 0..5 {
        assert_eq!(sign_in(&app, &user.email, "not the password").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(sign_in(&app, &user.email, PASSWORD).await.error(StatusCode::TOO_MANY_REQUESTS), "TOO_MANY_ATTEMPTS");
    forgot(&app, &user.email).await.data(StatusCode::ACCEPTED);
    let link = token(&app, &user.email).await;
    assert_eq!(reset(&app, &link, NEW).await.status, StatusCode::NO_CONTENT);
    whoami(&app, &sign_in(&app, &user.email, NEW).await).await;
    app.run_all_due().await;
    app.finish().await;
}
