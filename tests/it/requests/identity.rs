//! Whose an address is: how addresses are compared, who gets one that several have registered with, and what strangers can find
//! out about it.

use chrono::TimeDelta;
use db::clock::Clock;
use domain::user::Role;
use infra::db::{registrations, users};
use jobs::Retention;
use queue::ledger::State;
use reqwest::StatusCode;
use serde_json::{Value, json};
use servers::mail::Mail;
use tests::{Answer, TestApp, app::Overrides, client::PASSWORD, database};

const OTHER_PASSWORD: &str = "quite another phrase";

/// Jobs run when the test says so, at the time it says.
pub(super) async fn start() -> TestApp {
    let clock = Clock::manual(Clock::System.now());
    TestApp::start_with(Overrides { clock, ..Overrides::default() }).await
}

pub(super) async fn register(app: &TestApp, email: &str, username: &str, password: &str) -> Answer {
    let form = json!({"email": email, "username": username, "password": password, "language": "en"});
    app.post("/api/v1/auth/register", &form).await
}

pub(super) async fn resend(app: &TestApp, email: &str) -> Answer {
    app.post("/api/v1/auth/resend-verification", &json!({ "email": email })).await
}

pub(super) async fn confirm(app: &TestApp, token: &str) -> Answer {
    app.post("/api/v1/auth/verify-email", &json!({ "token": token })).await
}

pub(super) async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.post("/api/v1/auth/login", &json!({"email": email, "password": password})).await
}

/// The username behind an access token.
pub(super) async fn whoami(app: &TestApp, signed_in: &Answer) -> String {
    let token = signed_in.data(StatusCode::OK)["access_token"].as_str().unwrap();
    let me = tests::client::answer(app.request(reqwest::Method::GET, "/api/v1/auth/me").bearer_auth(token)).await;
    me.data(StatusCode::OK)["username"].as_str().unwrap().to_owned()
}

/// Sends what is due; what has come to an address so far, oldest first.
pub(super) async fn mails(app: &TestApp, email: &str) -> Vec<Mail> {
    app.run_all_due().await;
    app.mail.messages().into_iter().filter(|mail| mail.to == [email]).collect()
}

pub(super) fn tokens(mail: &Mail) -> Vec<String> {
    mail.links().iter().map(|link| link.split_once("token=").expect("a token").1.to_owned()).collect()
}

/// The same of a mail that may have none.
pub(super) fn tokens_if_any(mail: &Mail) -> Vec<String> {
    mail.links().iter().filter_map(|link| Some(link.split_once("token=")?.1.to_owned())).collect()
}

/// The token of the newest mail to an address, which has one.
pub(super) async fn token(app: &TestApp, email: &str) -> String {
    let mut tokens = tokens(mails(app, email).await.last().expect("a mail"));
    assert_eq!(tokens.len(), 1);
    tokens.remove(0)
}

pub(super) async fn retention(app: &TestApp) {
    let id = app.put(&Retention {}).await;
    assert_eq!(app.run_one(id).await.state, State::Completed);
}

pub(super) async fn count(app: &TestApp, what: &str) -> i64 {
    database::number(&app.db, &format!("SELECT COUNT(*) FROM {what}")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_compared_letter_by_letter() {
    let app = start().await;
    register(&app, "leo@nano.test", "leo", PASSWORD).await.data(StatusCode::ACCEPTED);
    for other in ["lèö@nano.test", "ｌｅｏ@nano.test"] {
        let refused = sign_in(&app, other, PASSWORD).await;
        assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS", "{other}");
    }
    assert_eq!(whoami(&app, &sign_in(&app, "LEO@Nano.Test", PASSWORD).await).await, "leo");

    // Two domains, two people.
    for (email, ascii, username) in
        [("j@muller.test", "j@muller.test", "june"), ("j@Müller.test", "j@xn--mller-kva.test", "joerg")]
    {
        let registered = register(&app, email, username, PASSWORD).await;
        assert_eq!(registered.data(StatusCode::ACCEPTED)["email"], email.to_lowercase(), "as people write it");
        assert_eq!(confirm(&app, &token(&app, ascii).await).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(whoami(&app, &sign_in(&app, "j@muller.test", PASSWORD).await).await, "june");
    for same in ["j@müller.test", "J@MU\u{308}LLER.test", "j@xn--mller-kva.test"] {
        assert_eq!(whoami(&app, &sign_in(&app, same, PASSWORD).await).await, "joerg", "{same}");
    }
    app.finish().await;
}

/// An earlier build has stored the domain as it was typed.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_before_is_found_and_gets_its_ascii_form() {
    let app = start().await;
    let ada = app.user("ada", Role::Creator).await;
    database::execute(&app.db, "UPDATE users SET email = 'ada@bücher.test' WHERE username = 'ada'").await.unwrap();
    let everybody_finds_her = async || {
        for same in ["ada@bücher.test", "ada@xn--bcher-kva.test"] {
            assert_eq!(whoami(&app, &sign_in(&app, same, PASSWORD).await).await, "ada");
        }
    };
    everybody_finds_her().await;
    register(&app, "ada@bücher.test", "ada2", OTHER_PASSWORD).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    let subjects: Vec<String> = app.mail.messages().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["You already have an account"]);

    for _ in 0..2 {
        retention(&app).await;
        assert_eq!(count(&app, "users WHERE email = 'ada@xn--bcher-kva.test' AND username = 'ada'").await, 1);
    }
    everybody_finds_her().await;
    let me = ada.get(&app, "/api/v1/auth/me").await;
    assert_eq!(me.data(StatusCode::OK)["email"], "ada@bücher.test");
    app.finish().await;
}

/// Rows as they were before addresses were compared letter by letter.
#[tokio::test(flavor = "multi_thread")]
async fn the_migration_keeps_every_account() {
    let app = start().await;
    for name in ["ada", "bea"] {
        app.user(name, Role::Consumer).await;
    }
    register(&app, "cleo@nano.test", "cleo", PASSWORD).await.data(StatusCode::ACCEPTED);
    let version =
        database::number(&app.db, "SELECT version FROM _sqlx_migrations WHERE description = 'exact addresses'").await;
    for before in [
        "ALTER TABLE users DROP KEY users_confirmed_email, DROP KEY users_address, DROP COLUMN confirmed_email,
           MODIFY email VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
           MODIFY username VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
           ADD UNIQUE KEY users_email (email)",
        "UPDATE users SET email = 'bea@bücher.test' WHERE username = 'BÉA'",
        &format!("DELETE FROM _sqlx_migrations WHERE version = {}", version.unwrap()),
    ] {
        database::execute(&app.db, before).await.unwrap();
    }
    app.db.migrate().await.unwrap();
    assert_eq!(count(&app, "users").await, 3);
    assert_eq!(count(&app, "users WHERE username = 'BÉA'").await, 0);
    assert_eq!(count(&app, "users WHERE confirmed_email IN ('ada@nano.test', 'bea@bücher.test')").await, 2);
    for email in ["ada@nano.test", "bea@bücher.test", "cleo@nano.test"] {
        let name = email.split('@').next().unwrap();
        assert_eq!(whoami(&app, &sign_in(&app, email, PASSWORD).await).await, name);
    }
    app.run_all_due().await;
    app.finish().await;
}

/// Mallory has registered with Vera's address before she comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_its_own_registration_alone() {
    let app = start().await;
    let email = "vera@nano.test";
    register(&app, email, "mallory", OTHER_PASSWORD).await.data(StatusCode::ACCEPTED);
    let his = token(&app, email).await;
    let session = sign_in(&app, email, OTHER_PASSWORD).await;
    assert_eq!(whoami(&app, &session).await, "mallory");
    let mallory = tests::client::User {
        id: String::new(),
        email: email.to_owned(),
        token: session.data(StatusCode::OK)["access_token"].as_str().unwrap().to_owned(),
    };
    let terms = json!({"version": "2026-11"});
    mallory.post(&app, "/api/v1/users/me/creator-terms", &terms).await.data(StatusCode::OK);
    mallory.draft(&app, "Bought cheaply").await;

    register(&app, email, "vera", PASSWORD).await.data(StatusCode::ACCEPTED);
    let hers = token(&app, email).await;
    let early = sign_in(&app, email, PASSWORD).await;
    assert_eq!(whoami(&app, &early).await, "vera", "signing in goes before confirming, as the newest registration");
    assert_eq!(confirm(&app, &hers).await.status, StatusCode::NO_CONTENT);

    // His password, session, refresh token, link and drafts are worth nothing.
    assert_eq!(sign_in(&app, email, OTHER_PASSWORD).await.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    assert!(mallory.get(&app, "/api/v1/auth/me").await.status.is_client_error());
    for ended in [&session, &early] {
        let token = json!({"refresh_token": ended.data(StatusCode::OK)["refresh_token"]});
        let refused = app.post("/api/v1/auth/refresh-token", &token).await;
        assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN");
    }
    for used in [&his, &hers] {
        assert_eq!(confirm(&app, used).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    }
    assert_eq!(count(&app, "nanos WHERE status <> 'deleted'").await, 0);
    assert_eq!(count(&app, "users WHERE email_verified_at IS NOT NULL").await, 1);

    let signed_in = sign_in(&app, email, PASSWORD).await;
    assert_eq!(whoami(&app, &signed_in).await, "vera");
    let account = users::find_by_email(&app.db, email).await.unwrap().unwrap();
    assert_eq!((account.name.as_str(), account.role), ("vera", Role::Consumer), "not what he had made of it");
    // His username is free, and his registering again changes nothing for her.
    register(&app, email, "mallory", OTHER_PASSWORD).await.data(StatusCode::ACCEPTED);
    let told = mails(&app, email).await;
    assert_eq!(told.last().unwrap().subject, "You already have an account");
    assert_eq!(whoami(&app, &sign_in(&app, email, PASSWORD).await).await, "vera");
    let candidates = users::sign_in_candidates(&app.db, email).await.unwrap();
    let names: Vec<&str> = candidates.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, ["vera", "mallory"], "who has confirmed it, and the newest who has not");
    let replaced = "audit_log WHERE action = 'auth.registration_replaced'";
    assert_eq!(count(&app, replaced).await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_links_at_once_one_wins() {
    let app = start().await;
    for round in 0..5 {
        let email = format!("both{round}@nano.test");
        for name in ["left", "right"] {
            register(&app, &email, &format!("{name}-{round}"), PASSWORD).await.data(StatusCode::ACCEPTED);
        }
        let links: Vec<String> = mails(&app, &email).await.iter().flat_map(tokens).collect();
        assert_eq!(links.len(), 2);
        let (left, right) = tokio::join!(confirm(&app, &links[0]), confirm(&app, &links[1]));
        let mut statuses = [left.status.as_u16(), right.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 400]);
        assert_eq!(count(&app, &format!("users WHERE email = '{email}' AND status = 'active'")).await, 1);
    }
    app.finish().await;
}

/// Everything that a call leaves behind, by how many rows.
async fn rows(app: &TestApp) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in ["users", "email_deliveries", "email_tokens", "jobs", "audit_log", "verification_pauses"] {
        rows.push(count(app, table).await);
    }
    rows
}

/// What a stranger sees of each of these calls, and what it makes the API do.
async fn calls(app: &TestApp, email: &str, name: &str) -> Vec<(Value, Vec<String>, Vec<i64>)> {
    let mut seen = Vec::new();
    for step in ["register", "again", "otherwise", "resend", "resend", "later"] {
        let before = rows(app).await;
        let answer = match step {
            "register" | "again" => register(app, email, &format!("{name}-1"), OTHER_PASSWORD).await,
            "otherwise" => register(app, email, &format!("{name}-2"), OTHER_PASSWORD).await,
            "later" => {
                app.advance(TimeDelta::minutes(5));
                resend(app, email).await
            }
            _ => resend(app, email).await,
        };
        let mut snapshot = answer.snapshot();
        if !snapshot["body"]["data"].is_null() {
            snapshot["body"]["data"]["email"] = json!("[email]");
        }
        let names = answer.headers.keys().map(ToString::to_string).collect();
        let added = rows(app).await.iter().zip(&before).map(|(after, before)| after - before).collect();
        seen.push((snapshot, names, added));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_tells_whether_an_address_is_known() {
    let app = start().await;
    let owner = app.user("owner", Role::Consumer).await;
    register(&app, "waiting@nano.test", "waiting", PASSWORD).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    app.advance(TimeDelta::minutes(10));

    let unknown = calls(&app, "unknown@nano.test", "stranger").await;
    let codes: Vec<_> = unknown.iter().map(|(answer, ..)| answer["status"].clone()).collect();
    assert_eq!(codes, [202, 409, 202, 202, 202, 202], "a taken username is told");
    let mailed: Vec<i64> = unknown.iter().map(|(.., added)| added[1]).collect();
    assert_eq!(mailed, [1, 0, 1, 0, 0, 1], "each registration has its mail, and asking again has to wait");
    for (email, name) in [(owner.email.as_str(), "guest"), ("waiting@nano.test", "visitor")] {
        let known = calls(&app, email, name).await;
        for (step, (known, unknown)) in known.iter().zip(&unknown).enumerate() {
            // Only whether the pause had a row already is different; the statements are the same.
            assert_eq!(
                (&known.0, &known.1, &known.2[..5]),
                (&unknown.0, &unknown.1, &unknown.2[..5]),
                "{email} {step}"
            );
        }
    }
    app.run_all_due().await;

    // The mails are for those who read them.
    let to_owner = mails(&app, &owner.email).await;
    let subjects: Vec<&str> = to_owner.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["You already have an account"], "at most once an hour, and no link");
    assert!(to_owner[0].links().is_empty());
    let to_waiting = mails(&app, "waiting@nano.test").await;
    assert_eq!(to_waiting.iter().map(|mail| tokens(mail).len()).collect::<Vec<_>>(), [1, 1, 1, 3]);
    let text = to_waiting[3].text.as_deref().unwrap();
    for username in ["waiting", "visitor-1", "visitor-2"] {
        assert!(text.lines().any(|line| line == username), "each link has its username: {text}");
    }
    // Nobody is remembered who was not written to.
    let without_mail = "email_deliveries WHERE state = 'failed' AND recipient = ''";
    assert_eq!(count(&app, without_mail).await, 3, "two registrations and a request with the owner's address");
    assert_eq!(whoami(&app, &sign_in(&app, &owner.email, PASSWORD).await).await, "owner");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_that_nobody_confirms_end() {
    let app = start().await;
    for name in ["gone", "used", "late", "done"] {
        register(&app, &format!("{name}@nano.test"), name, PASSWORD).await.data(StatusCode::ACCEPTED);
    }
    let link = token(&app, "done@nano.test").await;
    assert_eq!(confirm(&app, &link).await.status, StatusCode::NO_CONTENT);
    let late = token(&app, "late@nano.test").await;
    app.advance(TimeDelta::hours(25));
    assert_eq!(confirm(&app, &late).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID", "after a day");
    resend(&app, "late@nano.test").await.data(StatusCode::ACCEPTED);
    assert_eq!(confirm(&app, &token(&app, "late@nano.test").await).await.status, StatusCode::NO_CONTENT);

    app.advance(TimeDelta::days(20));
    sign_in(&app, "used@nano.test", PASSWORD).await.data(StatusCode::OK);
    retention(&app).await;
    assert_eq!(count(&app, "users WHERE status = 'active'").await, 4);
    app.advance(TimeDelta::days(10));
    retention(&app).await;
    assert_eq!(count(&app, "users WHERE status = 'active'").await, 3);
    assert_eq!(count(&app, "verification_pauses").await, 0);
    assert!(users::find_by_email(&app.db, "gone@nano.test").await.unwrap().is_none());
    let mut tx = app.db.begin().await.unwrap();
    assert_eq!(registrations::waiting(&mut tx, "used@nano.test").await.unwrap().len(), 1);
    drop(tx);
    register(&app, "else@nano.test", "gone", PASSWORD).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    app.finish().await;
}
