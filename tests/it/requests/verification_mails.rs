//! The mail by which somebody confirms an address: how many there are, what is in them, and what of them is stored.

use chrono::TimeDelta;
use domain::user::Role;
use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, client::PASSWORD, database};

use super::identity::{confirm, count, mails, register, resend, retention, start, token, tokens};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_requests_at_once_are_one_mail() {
    let app = start().await;
    let owner = app.user("owner", Role::Consumer).await;
    register(&app, "slow@nano.test", "slow", PASSWORD).await.data(StatusCode::ACCEPTED);
    assert_eq!(mails(&app, "slow@nano.test").await.len(), 1);
    for (email, sent) in
        [("slow@nano.test", 2), ("slow@nano.test", 3), (owner.email.as_str(), 0), ("nobody@nano.test", 0)]
    {
        app.advance(TimeDelta::minutes(1));
        let all = futures::future::join_all((0..20).map(|_| resend(&app, email))).await;
        for answer in all {
            answer.data(StatusCode::ACCEPTED);
        }
        assert_eq!(mails(&app, email).await.len(), sent, "{email}");
    }
    assert_eq!(app.mail.messages().len(), 3);
    // Each link works until one is used.
    let links: Vec<String> = mails(&app, "slow@nano.test").await.iter().flat_map(tokens).collect();
    assert_eq!(confirm(&app, &links[0]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(confirm(&app, &links[2]).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    app.finish().await;
}

/// In how many rows of the whole database these bytes stand, in each of their columns.
pub(super) async fn rows_with(app: &TestApp, hex: &str) -> i64 {
    database::places_of(&app.db, hex).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_stored_that_can_be_read() {
    let app = start().await;
    register(&app, "ada@nano.test", "ada", PASSWORD).await.data(StatusCode::ACCEPTED);
    // At first the mail is put off; what is sent later has a link that works.
    app.mail.put_off(true);
    assert!(mails(&app, "ada@nano.test").await.is_empty());
    app.mail.put_off(false);
    database::execute(&app.db, "UPDATE jobs SET run_at = UTC_TIMESTAMP(6) WHERE kind = 'send_email'").await.unwrap();
    let token = token(&app, "ada@nano.test").await;
    let secret = token.strip_prefix("nano_").unwrap();
    assert_eq!(rows_with(&app, &hex::encode(secret)).await, 0, "as text");
    assert_eq!(rows_with(&app, secret).await, 0, "as bytes");
    let hash = hex::encode(token.parse::<domain::token::SecretToken>().unwrap().hash());
    assert_eq!(rows_with(&app, &hash).await, 1);
    assert!(rows_with(&app, &hex::encode("ada@nano.test")).await >= 2, "the search finds what is there");
    assert_eq!(confirm(&app, &token).await.status, StatusCode::NO_CONTENT);
    app.finish().await;
}

/// What an earlier build has written down with its link: it is sent if it still waits, and forgotten once it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn links_of_earlier_builds_are_sent_and_forgotten() {
    let app = start().await;
    register(&app, "old@nano.test", "oldie", PASSWORD).await.data(StatusCode::ACCEPTED);
    let with_link =
        r#"UPDATE email_deliveries SET params = '{"name": "N", "link": "https://nano.test/verify-email?token=x"}'"#;
    database::execute(&app.db, with_link).await.unwrap();
    retention(&app).await;
    let mail = mails(&app, "old@nano.test").await.remove(0);
    assert_eq!(mail.links(), ["https://nano.test/verify-email?token=x"]);
    assert_eq!(count(&app, "email_deliveries WHERE params LIKE '%token=%'").await, 1);
    retention(&app).await;
    assert_eq!(count(&app, "email_deliveries WHERE params LIKE '%token=%'").await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_plain_and_well_formed() {
    let app = start().await;
    for (name, code) in [
        ("You won: https://evil.example/x", "LINK"),
        ("www.evil.example", "LINK"),
        ("evil.com/win", "LINK"),
        ("Ada\u{202E}", "CHARACTER"),
        ("Ada\u{0007}", "CHARACTER"),
    ] {
        let form = json!({"email": "ada@nano.test", "username": "ada", "password": PASSWORD, "name": name});
        let refused = app.post("/api/v1/auth/register", &form).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{name}");
        let field = &refused.body["error"]["details"]["fields"][0];
        assert_eq!((field["field"].as_str(), field["code"].as_str()), (Some("name"), Some(code)), "{name}");
    }
    let form = json!({"email": "ada@nano.test", "username": "ada", "password": PASSWORD, "name": "Cheap watches"});
    app.post("/api/v1/auth/register", &form).await.data(StatusCode::ACCEPTED);
    let mail = mails(&app, "ada@nano.test").await.remove(0);
    let raw = String::from_utf8(mail.raw.clone()).unwrap();
    let ids: Vec<&str> = raw.lines().filter_map(|line| line.strip_prefix("Message-ID: ")).collect();
    assert_eq!(ids.len(), 1, "{raw}");
    let id = ids[0].strip_prefix('<').and_then(|id| id.strip_suffix("@nano.test>")).expect(ids[0]);
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", ids[0]);
    for part in [&mail.subject, mail.text.as_ref().unwrap(), mail.html.as_ref().unwrap()] {
        assert!(!part.contains("Cheap"), "{part}");
    }
    app.finish().await;
}
