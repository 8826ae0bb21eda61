//! Preferences: which channels hold for whom.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, User, client::PASSWORD, database};

use super::{consumer, kinds, mails, prefer, published, rate, told};

async fn of(app: &TestApp, user: &User, kind: &str) -> Value {
    let all = user.get(app, "/api/v1/me/notification-preferences").await;
    let all = all.data(StatusCode::OK).as_array().unwrap().clone();
    all.into_iter().find(|one| one["kind"] == kind).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_does_not_want_does_not_come() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let all = ada.get(&app, "/api/v1/me/notification-preferences").await;
    insta::assert_snapshot!("what_holds_unless_somebody_says_otherwise", lines(all.data(StatusCode::OK)));

    // Neither by mail nor in the app, for one's own self alone.
    let off = prefer(&app, &ada, "nano_published", json!({"mail": false})).await;
    let expected = json!({"kind": "nano_published", "in_app": true, "mail": false, "is_always_in_app": false});
    assert_eq!(off.data(StatusCode::OK), &expected);
    assert_eq!(of(&app, &bert, "nano_published").await["mail"], true);
    let nano = published(&app, &ada, "Igel").await;
    assert_eq!(kinds(&told(&app, &ada).await.0), ["nano_published"]);
    let left = prefer(&app, &ada, "nano_published", json!({"in_app": false})).await;
    assert_eq!((&left.body["data"]["in_app"], &left.body["data"]["mail"]), (&json!(false), &json!(false)));
    published(&app, &ada, "Fuchs").await;
    assert_eq!(told(&app, &ada).await.0.len(), 1, "not in the app either");
    assert_eq!(mails(&app, &ada, "published").len(), 0);
    prefer(&app, &ada, "nano_published", json!({"in_app": true, "mail": true})).await.data(StatusCode::OK);
    published(&app, &ada, "Dachs").await;
    assert_eq!((told(&app, &ada).await.0.len(), mails(&app, &ada, "published").len()), (2, 1));

    // Mails about ratings come to whoever asks for them, and not to an address that was not confirmed.
    prefer(&app, &ada, "rating_received", json!({"mail": true})).await.data(StatusCode::OK);
    rate(&app, &bert, &nano, 4).await;
    app.run_all_due().await;
    let [mail] = &mails(&app, &ada, "A new rating")[..] else { panic!("one mail") };
    assert!(mail.text.as_deref().unwrap().contains("4 of 5"));
    database::execute(&app.db, "UPDATE users SET email_verified_at = NULL WHERE username = 'ada'").await.unwrap();
    rate(&app, &consumer(&app, "cleo").await, &nano, 1).await;
    app.run_all_due().await;
    assert_eq!(mails(&app, &ada, "A new rating").len(), 1);
    assert_eq!(kinds(&told(&app, &ada).await.0)[0], "rating_received");
    app.discard().await;
}

fn lines(all: &Value) -> String {
    let line = |one: &Value| {
        let always = if one["is_always_in_app"] == true { " (always)" } else { "" };
        format!("{}: app {}{always}, mail {}\n", one["kind"].as_str().unwrap(), one["in_app"], one["mail"])
    };
    all.as_array().unwrap().iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_are_checked_and_not_for_tokens() {
    let app = TestApp::start().await;
    let ada = consumer(&app, "ada").await;
    for kind in ["nothing", "unknown", "password_changed"] {
        let missing = prefer(&app, &ada, kind, json!({"mail": false})).await;
        assert_eq!(missing.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{kind}");
    }
    for (form, field, code) in [
        (json!({"mail": "no"}), "mail", "TYPE"),
        (json!({"in_app": 0}), "in_app", "TYPE"),
        (json!({"push": true}), "push", "UNKNOWN"),
        (json!({"in_app": false}), "in_app", "MUST_BE"),
    ] {
        let refused = prefer(&app, &ada, "nano_rejected", form).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
        let bad = &refused.body["error"]["details"]["fields"][0];
        assert_eq!((&bad["field"], &bad["code"]), (&json!(field), &json!(code)));
    }
    assert_eq!(of(&app, &ada, "nano_rejected").await["in_app"], true);

    // A personal access token sees what its scopes say, and switches nothing off.
    let form = json!({"name": "script", "scopes": ["read", "write"], "expires_in_days": 1, "password": PASSWORD});
    let made = ada.post(&app, "/api/v1/auth/tokens", &form).await;
    let token = made.data(StatusCode::CREATED)["secret"].as_str().unwrap().to_owned();
    let script = User { token, ..ada.clone() };
    script.get(&app, "/api/v1/me/notification-preferences").await.data(StatusCode::OK);
    script.get(&app, "/api/v1/me/notifications").await.data(StatusCode::OK);
    let search = json!({"name": "Igel", "search": {"q": "Igel"}});
    script.post(&app, "/api/v1/me/saved-searches", &search).await.data(StatusCode::CREATED);
    let refused = prefer(&app, &script, "nano_published", json!({"mail": false})).await;
    assert_eq!(refused.error(StatusCode::FORBIDDEN), "SESSION_REQUIRED");
    app.run_all_due().await;
    app.finish().await;
}
