//! Personal access tokens: what each scope opens, and what none does.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    token::Scope,
    user::{Role, Words},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User, archives,
    client::{PASSWORD, answer},
    database,
    routes::{Access, Route},
};

use super::{
    identity::{count, mails, start},
    things::{Things, schedule},
    verification_mails::rows_with,
};

async fn make(app: &TestApp, user: &User, scopes: &[&str], days: u64) -> Answer {
    let form = json!({"name": "build server", "scopes": scopes, "expires_in_days": days, "password": PASSWORD});
    user.post(app, "/api/v1/auth/tokens", &form).await
}

/// The same person with a token instead of a session.
async fn with_token(app: &TestApp, user: &User, scopes: &[&str]) -> User {
    let made = make(app, user, scopes, 30).await;
    let secret = made.data(StatusCode::CREATED)["secret"].as_str().unwrap().to_owned();
    User { token: secret, ..user.clone() }
}

async fn list(app: &TestApp, user: &User) -> Vec<Value> {
    user.get(app, "/api/v1/auth/tokens").await.data(StatusCode::OK).as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_used_listed_and_revoked() {
    let app = start().await;
    let (user, stranger) = (app.creator("clara").await, app.user("mallory", Role::Admin).await);
    let guess = json!({"name": "n", "scopes": ["read"], "expires_in_days": 1, "password": "a guess"});
    let refused = user.post(&app, "/api/v1/auth/tokens", &guess).await;
    assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    for (scopes, days) in [(vec![], 30), (vec!["everything"], 30), (vec!["read"], 366), (vec!["read"], 0)] {
        assert_eq!(make(&app, &user, &scopes, days).await.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    }
    let made = make(&app, &user, &["read", "write", "read"], 30).await;
    let made = made.data(StatusCode::CREATED);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("nano_pat_") && made["token"]["scopes"] == json!(["read", "write"]), "{made}");
    let digits = secret.strip_prefix("nano_pat_").unwrap();
    assert_eq!(rows_with(&app, &hex::encode(digits)).await, 0, "as text");
    assert_eq!(rows_with(&app, digits).await, 0, "as bytes");

    let script = User { token: secret.to_owned(), ..user.clone() };
    assert_eq!(script.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK)["username"], "clara");
    let nano = script.draft(&app, "Made by a script").await;
    let upload = answer(
        script
            .request(&app, Method::PUT, &format!("/api/v1/nanos/{nano}/file?filename=unit.zip"))
            .header("content-type", "application/zip")
            .body(archives::unit()),
    )
    .await;
    assert_eq!(upload.error(StatusCode::FORBIDDEN), "SCOPE_MISSING");
    assert_eq!(upload.body["error"]["details"]["scope"], "upload");

    let listed = list(&app, &user).await;
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!("build server")));
    assert!(listed[0]["last_used_at"].is_string() && !listed[0].to_string().contains("nano_pat_"), "{listed:#?}");
    let path = format!("/api/v1/auth/tokens/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(stranger.delete(&app, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(script.delete(&app, &path).await.error(StatusCode::FORBIDDEN), "SESSION_REQUIRED");
    assert_eq!(user.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(script.get(&app, "/api/v1/auth/me").await.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    assert_eq!(user.delete(&app, &path).await.status, StatusCode::NOT_FOUND);
    assert!(list(&app, &user).await.is_empty());
    let subjects: Vec<String> = mails(&app, &user.email).await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["A new access token for your account"]);
    for action in ["auth.token_make", "auth.token_revoke"] {
        assert_eq!(count(&app, &format!("audit_log WHERE action = '{action}'")).await, 1);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_time_its_account_and_a_reset() {
    let app = start().await;
    let user = app.creator("clara").await;
    let script = with_token(&app, &user, &["read"]).await;
    let works = async || script.get(&app, "/api/v1/auth/me").await;
    for bad in ["nano_pat_", "nano_pat_00", &format!("nano_pat_{}", "0".repeat(64)), "nano_pat_é"] {
        let header = reqwest::header::HeaderValue::from_bytes(format!("Bearer {bad}").as_bytes()).unwrap();
        let refused = answer(app.request(Method::GET, "/api/v1/auth/me").header("authorization", header)).await;
        assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED", "{bad}");
    }
    works().await.data(StatusCode::OK);
    database::execute(&app.db, "UPDATE users SET status = 'suspended'").await.unwrap();
    assert_eq!(works().await.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE");
    database::execute(&app.db, "UPDATE users SET status = 'active'").await.unwrap();
    app.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    works().await.data(StatusCode::OK);
    app.advance(TimeDelta::seconds(1));
    assert_eq!(works().await.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");

    let user = app.login(&user.email).await;
    let script = with_token(&app, &user, &["read"]).await;
    app.post("/api/v1/auth/forgot-password", &json!({ "email": user.email })).await.data(StatusCode::ACCEPTED);
    let link = mails(&app, &user.email).await.iter().flat_map(super::identity::tokens_if_any).next().expect("a link");
    let form = json!({"token": link, "new_password": "quite another phrase"});
    assert_eq!(app.post("/api/v1/auth/reset-password", &form).await.status, StatusCode::NO_CONTENT);
    assert_eq!(script.get(&app, "/api/v1/auth/me").await.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_written_once_a_minute() {
    let app = start().await;
    let user = app.creator("clara").await;
    let script = with_token(&app, &user, &["read"]).await;
    let mut seen = BTreeSet::new();
    for _ in 0..6 {
        script.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK);
        seen.insert(list(&app, &user).await[0]["last_used_at"].as_str().unwrap().to_owned());
        app.advance(TimeDelta::seconds(25));
    }
    // At 0 and 75 s.
    assert_eq!(seen.len(), 2, "{seen:?}");
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_more_than_fifty() {
    let app = start().await;
    let user = app.creator("clara").await;
    let insert = "INSERT INTO personal_tokens (id, user_id, name, token_hash, scopes, expires_at, created_at)
                  SELECT UNHEX(MD5(seq)), (SELECT id FROM users), 'n', UNHEX(SHA2(seq, 256)), '[]',
                         UTC_TIMESTAMP(6) + INTERVAL 1 DAY, UTC_TIMESTAMP(6)
                  FROM (WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 49)
                        SELECT seq FROM n) n";
    database::execute(&app.db, insert).await.unwrap();
    let both = futures::future::join_all((0..4).map(|_| make(&app, &user, &["read"], 1))).await;
    let made = both.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(made, 1);
    let refused = both.iter().find(|answer| answer.status != StatusCode::CREATED).unwrap();
    assert_eq!(refused.error(StatusCode::CONFLICT), "TOO_MANY_TOKENS");
    app.run_all_due().await;
    app.finish().await;
}

/// Every operation that asks for a token: with all scopes it is opened where it names one, and where it does not, never; with
/// another scope than its own it is closed, and nothing has changed.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_asks_for_its_own_scope() {
    let app = start().await;
    schedule(&app).await;
    let owner = app.creator("owner").await;
    let admin = app.user("root", Role::Admin).await;
    let things = Things::of(&app, &owner).await;
    let all = with_token(&app, &admin, Scope::WORDS).await;
    let mut one = Vec::new();
    for scope in Scope::WORDS {
        one.push((*scope, with_token(&app, &admin, &[*scope]).await));
    }
    app.run_all_due().await;
    let call = async |route: &Route, things: &Things, user: &User| {
        answer(things.request(&app, route).bearer_auth(&user.token)).await
    };
    let mut scopes = BTreeSet::new();
    for route in Route::all().into_iter().filter(|route| route.access != Access::Open) {
        let before = database::checksums(&app.db).await.unwrap();
        let needed = route.scope();
        for (scope, user) in one.iter().filter(|(scope, _)| needed.as_deref() != Some(*scope)) {
            let refused = call(&route, &things, user).await;
            route.assert_documented(&refused);
            let expected = if needed.is_some() { "SCOPE_MISSING" } else { "SESSION_REQUIRED" };
            assert_eq!(refused.error(StatusCode::FORBIDDEN), expected, "{scope}: {}", route.name());
        }
        let after = database::checksums(&app.db).await.unwrap();
        after.assert_same(&before, &format!("{} was refused", route.name()));
        let opened = call(&route, &things, &all).await;
        let code = opened.body["error"]["code"].as_str().unwrap_or_default().to_owned();
        match &needed {
            None => assert_eq!(code, "SESSION_REQUIRED", "{}", route.name()),
            Some(_) => assert!(
                !["SCOPE_MISSING", "SESSION_REQUIRED", "UNAUTHORIZED"].contains(&code.as_str()),
                "{} answers {code}",
                route.name()
            ),
        }
        scopes.extend(needed);
    }
    assert_eq!(scopes.len(), Scope::WORDS.len(), "each scope opens something: {scopes:?}");
    app.discard().await;
}

/// Scripts outlive sessions and passwords, as long as their owner wants them to.
#[tokio::test(flavor = "multi_thread")]
async fn they_stay_until_their_owner_ends_them_all() {
    let app = start().await;
    let user = app.user("clara", Role::Consumer).await;
    let script = with_token(&app, &user, &["read"]).await;
    let works = async || script.get(&app, "/api/v1/auth/me").await.status == StatusCode::OK;
    let change = async |revoke: bool, from: &str, to: &str| {
        let form = json!({"current_password": from, "new_password": to, "revoke_tokens": revoke});
        let changed = user.post(&app, "/api/v1/auth/change-password", &form).await;
        assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:#}", changed.body);
    };
    let ended = answer(user.request(&app, Method::DELETE, "/api/v1/auth/sessions")).await;
    assert_eq!((ended.status, works().await), (StatusCode::NO_CONTENT, true));
    change(false, PASSWORD, "quite another phrase").await;
    assert!(works().await);
    change(true, "quite another phrase", PASSWORD).await;
    assert!(!works().await);
    let details = "audit_log WHERE action = 'auth.change_password' AND details LIKE '%\"revoked_tokens\":1%'";
    assert_eq!(count(&app, details).await, 1);

    let [first, second] = [with_token(&app, &user, &["read"]).await, with_token(&app, &user, &["write"]).await];
    let stranger = app.user("mallory", Role::Consumer).await;
    let others = with_token(&app, &stranger, &["read"]).await;
    assert_eq!(first.request(&app, Method::DELETE, "/api/v1/auth/tokens").send().await.unwrap().status(), 403);
    let ended = answer(user.request(&app, Method::DELETE, "/api/v1/auth/tokens")).await;
    assert_eq!((ended.status, list(&app, &user).await), (StatusCode::NO_CONTENT, Vec::new()));
    for (token, status) in [(&first, 401), (&second, 401), (&others, 200)] {
        assert_eq!(token.get(&app, "/api/v1/auth/me").await.status, status);
    }
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.tokens_revoke'").await, 1);
    app.run_all_due().await;
    app.finish().await;
}
