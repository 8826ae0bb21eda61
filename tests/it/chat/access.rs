//! Who may open a socket, from where, and for how long.

use chrono::{TimeDelta, Utc};
use db::clock::Clock;
use domain::user::Role;
use reqwest::StatusCode;
use serde_json::json;
use tests::{app::Overrides, talk::Talk};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_are_refused() {
    let settings = |settings: &mut api::Settings| {
        settings.cors_origins = vec![reqwest::header::HeaderValue::from_static("http://localhost:5173")];
    };
    let stage = Stage::start_with(Overrides { settings: Some(settings), ..Overrides::default() }).await;
    for origin in
        ["https://evil.example", "null", "https://nano.test.evil.example", "http://nano.test", "http://localhost"]
    {
        let refused = Talk::open(&stage.app.url, &stage.chat, Some(origin)).await;
        assert_eq!(refused.err(), Some(Some(StatusCode::FORBIDDEN)), "{origin}");
    }
    for origin in [None, Some("https://nano.test"), Some("http://localhost:5173")] {
        let mut talk = Talk::open(&stage.app.url, &stage.chat, origin).await.expect("a socket");
        talk.auth(&stage.reader.token, None).await;
        assert_eq!(talk.said().await["type"], "ready", "{origin:?}");
    }
    let plain = stage.app.get(&format!("/api/v1/ws/chat/{}", stage.chat)).await;
    assert_eq!(plain.error(StatusCode::UPGRADE_REQUIRED), "UPGRADE_REQUIRED");
    assert_eq!(plain.headers["upgrade"], "websocket");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_two_people_are_let_in() {
    let stage = Stage::start().await;
    let stranger = stage.app.user("eve", Role::Moderator).await;
    for (token, chat, code, told) in [
        (stranger.token.as_str(), stage.chat.clone(), 4404, "NOT_FOUND"),
        (&stage.reader.token, Uuid::now_v7().to_string(), 4404, "NOT_FOUND"),
        ("nonsense", stage.chat.clone(), 4401, "UNAUTHORIZED"),
        ("nano_pat_0123456789", stage.chat.clone(), 4403, "SESSION_REQUIRED"),
    ] {
        let mut talk = Talk::open(&stage.app.url, &chat, None).await.expect("a socket");
        talk.auth(token, None).await;
        assert_eq!(talk.closed().await, (code, Some(told.to_owned())));
    }
    for first in [Message::text("{}"), Message::text("no JSON"), Message::text(r#"{"type":"read","seq":1}"#)] {
        let mut talk = Talk::open(&stage.app.url, &stage.chat, None).await.expect("a socket");
        talk.put(first).await;
        assert_eq!(talk.closed().await, (4408, None));
    }
    let mut binary = Talk::open(&stage.app.url, &stage.chat, None).await.expect("a socket");
    binary.put(Message::binary(vec![1_u8, 2, 3])).await;
    assert_eq!(binary.closed().await, (1003, None));
    // Who says nothing at all is not waited for.
    let mut silent = Talk::open(&stage.app.url, &stage.chat, None).await.expect("a socket");
    assert_eq!(silent.closed().await, (4408, None));
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_is_asked_for_and_without_a_new_one_the_socket_ends() {
    let clock = Clock::manual(Utc::now());
    let stage = Stage::start_with(Overrides { clock, ..Overrides::default() }).await;
    let (mut renews, mut sleeps) = (stage.talk(&stage.reader, None).await, stage.talk(&stage.creator, None).await);
    stage.app.advance(TimeDelta::minutes(14) + TimeDelta::seconds(30));
    let asked = renews.said_of("expiring").await;
    assert!(asked["expires_at"].is_string());
    sleeps.said_of("expiring").await;
    let newer = stage.app.login(&stage.reader.email).await;
    renews.auth(&newer.token, None).await;
    renews.said_of("renewed").await;
    stage.app.advance(TimeDelta::minutes(1));
    // What is sent with a token that has just expired is not kept.
    sleeps.send("Too late").await;
    assert_eq!(sleeps.closed().await, (4401, Some("TOKEN_EXPIRED".into())));
    renews.send("In time").await;
    assert_eq!(renews.said_of("sent").await["seq"], 1);
    // Somebody else's token is no renewal.
    let other = stage.app.login(&stage.creator.email).await;
    renews.auth(&other.token, None).await;
    assert_eq!(renews.closed().await, (4401, Some("UNAUTHORIZED".into())));
    let mut expired = Talk::open(&stage.app.url, &stage.chat, None).await.expect("a socket");
    expired.auth(&stage.reader.token, None).await;
    assert_eq!(expired.closed().await, (4401, Some("TOKEN_EXPIRED".into())));
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_and_suspension_reach_open_sockets() {
    let stage = Stage::start().await;
    let (mut ada, mut bea) = (stage.talk(&stage.creator, None).await, stage.talk(&stage.reader, None).await);
    stage.reader.post(&stage.app, "/api/v1/auth/logout", &json!({})).await;
    sqlx::query("UPDATE users SET status = 'suspended' WHERE username = 'ada'")
        .execute(stage.app.db.pool())
        .await
        .unwrap();
    assert_eq!(bea.closed().await, (4401, Some("SESSION_ENDED".into())));
    assert_eq!(ada.closed().await, (4403, Some("ACCOUNT_NOT_ACTIVE".into())));
    stage.app.finish().await;
}
