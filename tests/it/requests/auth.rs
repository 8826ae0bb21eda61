//! Accounts: made, confirmed, signed in and out, switched off.

use std::time::Duration;

use db::clock::Clock;
use domain::user::{Role, UserStatus};
use infra::db::{audit_log, uploads, users};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, archives,
    client::{PASSWORD, answer},
};

const SOON: Duration = Duration::from_secs(20);

async fn register(app: &TestApp, email: &str, username: &str) -> Answer {
    let form = json!({"email": email, "username": username, "password": PASSWORD, "language": "en"});
    app.post("/api/v1/auth/register", &form).await
}

async fn login(app: &TestApp, email: &str, password: &str) -> Answer {
    app.post("/api/v1/auth/login", &json!({"email": email, "password": password})).await
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.post("/api/v1/auth/refresh-token", &json!({"refresh_token": token})).await
}

async fn me(app: &TestApp, token: &str) -> Answer {
    answer(app.request(Method::GET, "/api/v1/auth/me").bearer_auth(token)).await
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value:#}"))
}

/// Rows of the audit log with this action.
async fn audited(app: &TestApp, action: &str) -> u64 {
    let filter = audit_log::Filter { actor: None, action: Some(action.into()) };
    audit_log::page(&app.db, &filter, 0, 1).await.unwrap().1
}

/// Domains have an ASCII form, which every mail server knows; people before the @ have none.
#[tokio::test(flavor = "multi_thread")]
async fn mail_reaches_umlaut_domains_and_umlaut_people_are_told() {
    let app = TestApp::start().await;
    app.mail.ascii_only(true);
    let worker = app.worker().await;
    let refused = register(&app, "jörg@nano.test", "joerg").await;
    assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    let field = &refused.body["error"]["details"]["fields"][0];
    assert_eq!((word(field, "field"), word(field, "code")), ("email", "UNDELIVERABLE"), "{field:#}");

    let registered = register(&app, "ada@Bücher.test", "ada").await;
    assert_eq!(registered.data(StatusCode::ACCEPTED)["email"], "ada@bücher.test", "as it was typed");
    let mail = app.mail.wait_for(|mail| mail.envelope_to == ["ada@xn--bcher-kva.test"], SOON).await.unwrap();
    assert_eq!(mail.to, ["ada@xn--bcher-kva.test"]);
    login(&app, "ada@bücher.test", PASSWORD).await.data(StatusCode::OK);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_registered_confirmed_by_mail_and_signed_in() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let registered = register(&app, " Ada@Example.ORG ", "ada").await;
    assert_eq!(registered.status, StatusCode::ACCEPTED);
    insta::assert_json_snapshot!("registered", registered.snapshot());

    // Signing in works before the address is confirmed.
    let early = login(&app, "ada@example.org", PASSWORD).await;
    let token = word(early.data(StatusCode::OK), "access_token").to_owned();
    assert_eq!(me(&app, &token).await.data(StatusCode::OK)["email_verified"], false);

    let mail = app.mail.wait_for(|mail| mail.to == ["ada@example.org"], SOON).await.unwrap();
    let link = mail.links().into_iter().find(|link| link.contains("token=")).expect("a link");
    let secret = link.split_once("token=").unwrap().1.to_owned();
    insta::assert_snapshot!(
        "verification_mail",
        format!("{}\n\n{}", mail.subject, mail.text.as_deref().unwrap().replace(&secret, "[secret]"))
    );
    let confirm = async |token: &str| app.post("/api/v1/auth/verify-email", &json!({ "token": token })).await;
    assert_eq!(confirm("not a token").await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    assert_eq!(confirm(&secret).await.status, StatusCode::NO_CONTENT);
    assert_eq!(confirm(&secret).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID", "a link works once");
    let row = users::find_by_email(&app.db, "ada@example.org").await.unwrap().unwrap();
    assert!(row.email_verified_at.is_some());

    let signed_in = login(&app, "ADA@example.org", PASSWORD).await;
    insta::assert_json_snapshot!("signed_in", signed_in.snapshot());
    let token = word(signed_in.data(StatusCode::OK), "access_token");
    insta::assert_json_snapshot!("me", me(&app, token).await.snapshot());
    assert_eq!([audited(&app, "auth.register").await, audited(&app, "auth.verify_email").await], [1, 1]);
    assert_eq!(audited(&app, "auth.login").await, 2);
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_says_the_same_for_known_and_unknown_addresses() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let owner = app.user("owner", Role::Consumer).await;
    let unknown = register(&app, "new@nano.test", "newcomer").await;
    let known = register(&app, &owner.email, "stranger").await;
    let again = register(&app, &owner.email, "stranger-2").await;
    let same = |answer: &Answer| {
        let mut snapshot = answer.snapshot();
        snapshot["body"]["data"]["email"] = json!("[email]");
        let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        (snapshot, names)
    };
    assert_eq!(same(&unknown), same(&known));
    assert_eq!(same(&unknown), same(&again));

    // A taken name is told whatever the address.
    for email in ["other@nano.test", owner.email.as_str()] {
        assert_eq!(register(&app, email, "owner").await.error(StatusCode::CONFLICT), "USERNAME_TAKEN");
    }
    app.drained().await;
    let to_owner: Vec<_> = app.mail.messages().into_iter().filter(|mail| mail.to[0] == owner.email).collect();
    assert_eq!(to_owner.len(), 1, "the owner is told, at most once an hour");
    insta::assert_snapshot!(to_owner[0].subject, @"You already have an account");
    assert!(to_owner[0].links().is_empty());
    assert_eq!(app.mail.messages().len(), 2);
    assert!(users::find_by_email(&app.db, "other@nano.test").await.unwrap().is_none());
    login(&app, &owner.email, PASSWORD).await.data(StatusCode::OK);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_mail_is_sent_again_to_those_who_wait_for_one_alone() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let owner = app.user("done", Role::Consumer).await;
    register(&app, "slow@nano.test", "slow").await;
    let mut answers = Vec::new();
    for email in ["slow@nano.test", &owner.email, "nobody@nano.test"] {
        let sent = app.post("/api/v1/auth/resend-verification", &json!({ "email": email })).await;
        assert_eq!(sent.data(StatusCode::ACCEPTED)["email"], email);
        answers.push(sent.body["data"]["next"].clone());
    }
    assert_eq!(answers, ["verify_email"; 3]);
    app.drained().await;
    assert_eq!(app.mail.messages().len(), 1, "not twice within a minute, and to nobody else");
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once_and_its_second_use_ends_the_session() {
    let app = TestApp::start().await;
    let user = app.user("rita", Role::Consumer).await;
    let first = login(&app, &user.email, PASSWORD).await;
    let first = first.data(StatusCode::OK);
    let rotated = refresh(&app, word(first, "refresh_token")).await;
    insta::assert_json_snapshot!("refreshed", rotated.snapshot());
    let second = rotated.data(StatusCode::OK);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    for pair in [first, second] {
        assert_eq!(me(&app, word(pair, "access_token")).await.status, StatusCode::OK);
    }

    let stolen = refresh(&app, word(first, "refresh_token")).await;
    assert_eq!(stolen.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN");
    let heir = refresh(&app, word(second, "refresh_token")).await;
    assert_eq!(heir.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN");
    assert_eq!(me(&app, word(second, "access_token")).await.error(StatusCode::UNAUTHORIZED), "SESSION_ENDED");
    assert_eq!(me(&app, &user.token).await.status, StatusCode::OK, "other sessions live on");
    assert_eq!(audited(&app, "auth.refresh_reused").await, 1);
    for bad in ["", "x", &"A".repeat(43)] {
        assert_eq!(refresh(&app, bad).await.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN", "{bad:?}");
    }

    // Two at once: one wins, the other one is a second use.
    let racing = login(&app, &user.email, PASSWORD).await;
    let token = word(racing.data(StatusCode::OK), "refresh_token");
    let (left, right) = tokio::join!(refresh(&app, token), refresh(&app, token));
    let mut statuses = [left.status.as_u16(), right.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_can_live_in_a_cookie() {
    let app = TestApp::start().await;
    let user = app.user("cora", Role::Consumer).await;
    let form = json!({"email": user.email, "password": PASSWORD, "cookie": true});
    let signed_in = app.post("/api/v1/auth/login", &form).await;
    insta::assert_json_snapshot!("signed_in_with_a_cookie", signed_in.snapshot());
    let cookie = |answer: &Answer| {
        let value = answer.headers["set-cookie"].to_str().unwrap();
        value.split(';').next().unwrap().to_owned()
    };
    let with = async |cookie: &str| {
        answer(app.request(Method::POST, "/api/v1/auth/refresh-token").header("cookie", cookie)).await
    };
    let rotated = with(&cookie(&signed_in)).await;
    assert!(rotated.data(StatusCode::OK).get("refresh_token").is_none());
    assert_ne!(cookie(&rotated), cookie(&signed_in));
    let token = word(rotated.data(StatusCode::OK), "access_token");
    let left = answer(app.request(Method::POST, "/api/v1/auth/logout").bearer_auth(token)).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT);
    assert_eq!(cookie(&left), "__Secure-nano_refresh=");
    assert_eq!(with(&cookie(&rotated)).await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_this_session_at_once() {
    let app = TestApp::start().await;
    let elsewhere = app.user("lotte", Role::Consumer).await;
    let here = login(&app, &elsewhere.email, PASSWORD).await;
    let here = here.data(StatusCode::OK);
    let token = word(here, "access_token");
    let left = answer(app.request(Method::POST, "/api/v1/auth/logout").bearer_auth(token)).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT);
    let ended = me(&app, token).await;
    assert_eq!(ended.error(StatusCode::UNAUTHORIZED), "SESSION_ENDED");
    insta::assert_json_snapshot!("session_ended", ended.snapshot());
    assert_eq!(refresh(&app, word(here, "refresh_token")).await.status, StatusCode::UNAUTHORIZED);
    // Public pages do not quietly become a guest's.
    let public = answer(app.request(Method::GET, "/api/v1/nanos/mine").bearer_auth(token)).await;
    assert_eq!(public.status, StatusCode::UNAUTHORIZED);
    assert_eq!(me(&app, &elsewhere.token).await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_is_not_served() {
    let app = TestApp::start().await;
    let user = app.user("sue", Role::Creator).await;
    let pair = login(&app, &user.email, PASSWORD).await;
    let id = user.id.parse().unwrap();
    for status in [UserStatus::Suspended, UserStatus::Inactive, UserStatus::Deleted] {
        tests::database::set_user_status(&app.db, id, status).await.unwrap();
        let token = word(pair.data(StatusCode::OK), "refresh_token");
        for refused in
            [me(&app, &user.token).await, login(&app, &user.email, PASSWORD).await, refresh(&app, token).await]
        {
            assert_eq!(refused.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE");
            assert_eq!(refused.body["error"]["details"]["status"], status.as_str());
        }
    }
    // The password comes first: without it nobody learns the status.
    assert_eq!(login(&app, &user.email, "a guess").await.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    tests::database::set_user_status(&app.db, id, UserStatus::Active).await.unwrap();
    assert_eq!(me(&app, &user.token).await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploading_needs_the_creator_terms_and_a_confirmed_address() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    register(&app, "una@nano.test", "una").await;
    let user = app.login("una@nano.test").await;
    let refused = user.post(&app, "/api/v1/nanos", &json!({})).await;
    assert_eq!(refused.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    assert_eq!(refused.body["error"]["details"]["permission"], "nanos:create");

    let accept =
        async |version: &str| user.post(&app, "/api/v1/users/me/creator-terms", &json!({ "version": version })).await;
    let old = accept("2020-01").await;
    assert_eq!(old.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(old.body["error"]["details"]["fields"][0]["code"], "MUST_BE");
    let accepted = accept("2026-11").await;
    insta::assert_json_snapshot!("terms_accepted", accepted.snapshot());
    assert_eq!(accept("2026-11").await.data(StatusCode::OK)["role"], "creator", "twice changes nothing");

    // The same access token is a creator's now; the file still has to wait for the address.
    let nano = user.draft(&app, "Too early").await;
    let early = user.put_file(&app, &nano, archives::unit()).await;
    assert_eq!(early.error(StatusCode::FORBIDDEN), "EMAIL_NOT_VERIFIED");
    assert_eq!(app.objects().await, Vec::<String>::new());
    let mut tx = app.db.begin().await.unwrap();
    assert!(uploads::open_of_nano(&mut tx, nano.parse().unwrap()).await.unwrap().is_empty());
    users::set_email_verified(&mut tx, user.id.parse().unwrap(), Clock::System.now()).await.unwrap();
    tx.commit().await.unwrap();
    user.upload(&app, &nano, archives::unit()).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}
