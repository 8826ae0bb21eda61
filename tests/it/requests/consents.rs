//! Agreements: given with a version, withdrawn, asked for anew when a required text changes, and no dead end meanwhile.

use api::Settings;
use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User,
    app::Overrides,
    client::{PASSWORD, answer},
    database,
};

use super::identity::{confirm, count, token as token_of};

const CONSENTS: &str = "/api/v1/users/me/consents";

fn versions(settings: &mut Settings) {
    settings.consents.terms = Some("2026-11".into());
    settings.consents.privacy = Some("2026-10".into());
    settings.consents.marketing = Some("1".into());
    settings.consents.texts = Some("https://nano.test/legal/{subject}-{version}.html".into());
}

async fn start() -> TestApp {
    TestApp::start_with(Overrides { settings: Some(versions), ..Overrides::default() }).await
}

async fn give(app: &TestApp, user: &User, subject: &str, version: &str) -> Answer {
    let request = user.request(app, Method::PUT, &format!("{CONSENTS}/{subject}"));
    answer(request.json(&json!({ "version": version }))).await
}

async fn withdraw(app: &TestApp, user: &User, subject: &str) -> StatusCode {
    answer(user.request(app, Method::DELETE, &format!("{CONSENTS}/{subject}"))).await.status
}

/// What somebody has agreed to of the version in force, by subject.
async fn given(app: &TestApp, user: &User) -> Vec<(String, bool)> {
    let listed = user.get(app, CONSENTS).await;
    assert_eq!(listed.headers["cache-control"], "no-store");
    let rows = listed.data(StatusCode::OK).as_array().unwrap();
    rows.iter().map(|row| (row["subject"].as_str().unwrap().to_owned(), row["given"] == true)).collect()
}

/// Something that changes more than one's own account.
async fn change(app: &TestApp, user: &User) -> Answer {
    user.post(app, "/api/v1/users/me/creator-terms", &json!({"version": "2026-11"})).await
}

fn missing(answer: &Answer) -> Value {
    assert_eq!(answer.error(StatusCode::FORBIDDEN), "CONSENT_REQUIRED", "{:#}", answer.body);
    assert_eq!(answer.body["error"]["details"]["agree_at"], "PUT /api/v1/users/me/consents/{subject}");
    answer.body["error"]["details"]["missing"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_not_agreed_reads_on_and_finds_the_way_out() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let asked = change(&app, &user).await;
    let (terms, privacy) =
        (json!({"subject": "terms", "version": "2026-11"}), json!({"subject": "privacy", "version": "2026-10"}));
    assert_eq!(missing(&asked), json!([terms, privacy]), "nobody has to agree to marketing");
    // What they see and what guards their account goes on.
    user.get(&app, "/api/v1/nanos/mine").await.data(StatusCode::OK);
    let token = json!({"name": "n", "scopes": ["write", "read"], "expires_in_days": 1, "password": PASSWORD});
    let made = user.post(&app, "/api/v1/auth/tokens", &token).await;
    let secret = made.data(StatusCode::CREATED)["secret"].as_str().unwrap().to_owned();
    let script = User { token: secret, ..user.clone() };
    assert_eq!(missing(&script.post(&app, "/api/v1/nanos", &json!({})).await).as_array().unwrap().len(), 2);

    for (subject, version) in [("terms", "2026-10"), ("terms", "")] {
        let refused = give(&app, &user, subject, version).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{subject} {version}");
    }
    assert_eq!(give(&app, &user, "cookies", "1").await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    for _ in 0..2 {
        assert_eq!(give(&app, &user, "terms", "2026-11").await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(missing(&change(&app, &user).await), json!([privacy]));
    assert_eq!(give(&app, &user, "privacy", "2026-10").await.status, StatusCode::NO_CONTENT);
    change(&app, &user).await.data(StatusCode::OK);
    assert_eq!(count(&app, "audit_log WHERE action = 'consent.give'").await, 2, "once each");
    let all = |terms, privacy, marketing| {
        let row = |name: &str, given| (name.to_owned(), given);
        vec![row("terms", terms), row("privacy", privacy), row("marketing", marketing)]
    };
    assert_eq!(given(&app, &user).await, all(true, true, false));
    assert_eq!(give(&app, &user, "marketing", "1").await.status, StatusCode::NO_CONTENT);

    for (subject, asks) in [("marketing", false), ("privacy", true)] {
        for _ in 0..2 {
            assert_eq!(withdraw(&app, &user, subject).await, StatusCode::NO_CONTENT, "{subject}");
        }
        let status = change(&app, &user).await.status;
        assert_eq!(status == StatusCode::FORBIDDEN, asks, "{subject}");
    }
    assert_eq!(given(&app, &user).await, all(true, false, false));
    let listed = user.get(&app, CONSENTS).await.data(StatusCode::OK).clone();
    let marketing = &listed[2];
    assert_eq!((&marketing["version"], &marketing["required"]), (&json!("1"), &json!(false)));
    assert_eq!(marketing["url"], "https://nano.test/legal/marketing-1.html");
    let [only] = marketing["agreements"].as_array().unwrap().as_slice() else { panic!("{marketing}") };
    assert!(only["version"] == "1" && only["given_at"].is_string() && only["withdrawn_at"].is_string(), "{only}");
    assert_eq!(count(&app, "audit_log WHERE action = 'consent.withdraw'").await, 2);
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_asked_for_and_the_older_agreement_is_kept() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    // As if they had agreed before the texts changed.
    for (subject, version) in [("terms", "2025-01"), ("privacy", "2026-10")] {
        let row = format!(
            "INSERT INTO consents (id, user_id, subject, version, given_at)
             SELECT UNHEX(REPLACE(UUID(), '-', '')), id, '{subject}', '{version}', '2025-01-01' FROM users WHERE username = 'vera'"
        );
        database::execute(&app.db, &row).await.unwrap();
    }
    assert_eq!(missing(&change(&app, &user).await), json!([{"subject": "terms", "version": "2026-11"}]));
    assert_eq!(give(&app, &user, "terms", "2026-11").await.status, StatusCode::NO_CONTENT);
    change(&app, &user).await.data(StatusCode::OK);
    let listed = user.get(&app, CONSENTS).await.data(StatusCode::OK).clone();
    let terms = listed[0]["agreements"].as_array().unwrap();
    let told: Vec<_> =
        terms.iter().map(|row| (row["version"].as_str().unwrap(), row["withdrawn_at"].is_null())).collect();
    assert_eq!(told, [("2026-11", true), ("2025-01", false)]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agrees_with_the_registration_or_later() {
    let app = start().await;
    let register = async |name: &str, agreed: Value| {
        let mut form =
            json!({"email": format!("{name}@nano.test"), "username": name, "password": PASSWORD, "language": "en"});
        form.as_object_mut().unwrap().extend(agreed.as_object().unwrap().clone());
        app.post("/api/v1/auth/register", &form).await
    };
    let old = register("wanda", json!({"terms": "2025-01"})).await;
    assert_eq!(old.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(count(&app, "users").await, 0);
    register("vera", json!({"terms": "2026-11", "privacy": "2026-10"})).await.data(StatusCode::ACCEPTED);
    register("wanda", json!({})).await.data(StatusCode::ACCEPTED);
    for (name, status) in [("vera", StatusCode::OK), ("wanda", StatusCode::FORBIDDEN)] {
        let email = format!("{name}@nano.test");
        assert_eq!(confirm(&app, &token_of(&app, &email).await).await.status, StatusCode::NO_CONTENT);
        let user = app.login(&email).await;
        assert_eq!(change(&app, &user).await.status, status, "{name}");
    }
    assert_eq!(count(&app, "consents").await, 2);
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_text_nobody_is_asked() {
    let app = TestApp::start().await;
    let user = app.user("vera", Role::Consumer).await;
    change(&app, &user).await.data(StatusCode::OK);
    assert_eq!(give(&app, &user, "terms", "1").await.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    let listed = user.get(&app, CONSENTS).await.data(StatusCode::OK).clone();
    assert!(
        listed.as_array().unwrap().iter().all(|row| row["version"].is_null() && row["required"] == false),
        "{listed}"
    );
    app.finish().await;
}
