//! Chats and messages by requests.

use chrono::{DateTime, Utc};
use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::answer;
use uuid::Uuid;

use super::{Stage, begin, published};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_have_one_chat_about_a_nano() {
    let stage = Stage::start().await;
    let (app, reader) = (&stage.app, &stage.reader);
    let again = reader.post(app, "/api/v1/chats", &json!({"nano_id": stage.nano})).await;
    assert_eq!(again.data(StatusCode::OK)["id"], stage.chat);
    assert_eq!(again.location(), stage.path(""));

    let own = stage.creator.post(app, "/api/v1/chats", &json!({"nano_id": stage.nano})).await;
    assert_eq!(own.error(StatusCode::FORBIDDEN), "CHAT_WITH_ONESELF");
    let draft = stage.creator.draft(app, "Not yet").await;
    for nano in [draft, Uuid::now_v7().to_string()] {
        let refused = reader.post(app, "/api/v1/chats", &json!({"nano_id": nano})).await;
        assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    }
    sqlx::query("UPDATE users SET email_verified_at = NULL WHERE username = 'bea'")
        .execute(app.db.pool())
        .await
        .unwrap();
    let unverified = reader.post(app, "/api/v1/chats", &json!({"nano_id": stage.nano})).await;
    assert_eq!(unverified.error(StatusCode::FORBIDDEN), "EMAIL_NOT_VERIFIED");
    assert_eq!(stage.send(reader, "Hello").await.error(StatusCode::FORBIDDEN), "EMAIL_NOT_VERIFIED");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_numbered_and_found_by_number_and_by_time() {
    let stage = Stage::start().await;
    for (who, text) in
        [(&stage.reader, "One"), (&stage.creator, "<script>alert(2)</script>"), (&stage.reader, " Three\r\nlines ")]
    {
        stage.send(who, text).await.data(StatusCode::CREATED);
    }
    let all = stage.reader.get(&stage.app, &stage.path("/messages")).await;
    let all: Vec<Value> = all.data(StatusCode::OK).as_array().unwrap().clone();
    let texts: Vec<&str> = all.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["One", "<script>alert(2)</script>", "Three\nlines"], "as they were written");
    assert_eq!(stage.numbers("").await, [1, 2, 3]);
    assert_eq!(stage.numbers("?limit=2").await, [2, 3], "the last ones");
    assert_eq!(stage.numbers("?before=3&limit=1").await, [2]);
    assert_eq!(stage.numbers("?after=1").await, [2, 3]);
    assert_eq!(stage.numbers("?after=3").await, [0_u64; 0]);
    for (message, later) in all.iter().zip([vec![2, 3], vec![3], vec![]]) {
        let since = message["created_at"].as_str().unwrap();
        assert_eq!(stage.numbers(&format!("?since={since}")).await, later, "nothing twice and nothing missed");
    }
    let both = stage.reader.get(&stage.app, &stage.path("/messages?after=1&before=3")).await;
    assert_eq!(both.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    for bad in ["", "  ", &"x".repeat(1001), "a\u{202e}b"] {
        let refused = stage.send(&stage.reader, bad).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    }
    stage.app.finish().await;
}

/// The clock of one process is ahead of the other's, or several messages come in one millisecond.
#[tokio::test(flavor = "multi_thread")]
async fn times_grow_with_the_numbers() {
    let stage = Stage::start().await;
    stage.fill(300, "Quick").await;
    let page = stage.reader.get(&stage.app, &stage.path("/messages?after=0&limit=100")).await;
    let list = page.data(StatusCode::OK).as_array().unwrap();
    let times: Vec<DateTime<Utc>> =
        list.iter().map(|message| message["created_at"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(times.len(), 100);
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unread_is_counted_until_it_is_read() {
    let stage = Stage::start().await;
    let (app, ada, bea) = (&stage.app, &stage.creator, &stage.reader);
    let unread = async |who: &tests::User| who.get(app, "/api/v1/chats/unread").await.data(StatusCode::OK).clone();
    for text in ["One", "Two", "Three"] {
        stage.send(bea, text).await.data(StatusCode::CREATED);
    }
    assert_eq!(unread(ada).await, json!({"chats": 1, "messages": 3}));
    assert_eq!(unread(bea).await, json!({"chats": 0, "messages": 0}), "one's own");
    // Answering is not reading what came before.
    stage.send(ada, "Four").await.data(StatusCode::CREATED);
    assert_eq!(stage.seen_by(ada).await["unread"], 3);
    assert_eq!(stage.seen_by(bea).await["unread"], 1);
    assert_eq!(stage.seen_by(bea).await["read_seq"], 3);

    let marked = stage.read(ada, 2).await.data(StatusCode::OK).clone();
    assert_eq!((&marked["read_seq"], &marked["unread"]), (&json!(2), &json!(1)));
    assert_eq!(stage.read(ada, 1).await.data(StatusCode::OK)["read_seq"], 2, "a mark never goes back");
    assert_eq!(stage.read(ada, 4_000_000).await.data(StatusCode::OK)["read_seq"], 4, "nor beyond the end");
    assert_eq!(unread(ada).await, json!({"chats": 0, "messages": 0}));
    let seen = stage.seen_by(bea).await;
    assert_eq!(seen["other"]["read_seq"], 4);
    let page = bea.get(app, &stage.path("/messages")).await;
    let read: Vec<bool> =
        page.data(StatusCode::OK).as_array().unwrap().iter().map(|m| m["read_at"].is_string()).collect();
    assert_eq!(read, [true, true, true, false], "ada has read bea's");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_are_listed_by_when_was_written_last() {
    let stage = Stage::start().await;
    let (app, ada, bea) = (&stage.app, &stage.creator, &stage.reader);
    stage.send(bea, "First").await.data(StatusCode::CREATED);
    let mut chats = vec![stage.chat.clone()];
    for title in ["Charts", "Macros"] {
        let nano = published(app, ada, title).await;
        chats.push(begin(app, bea, &nano).await);
        bea.post(app, &format!("/api/v1/chats/{}/messages", chats.last().unwrap()), &json!({"text": title})).await;
    }
    // Nothing was written in it: whoever has begun it sees it, the creator does not.
    let nano = published(app, ada, "Silence").await;
    let silent = begin(app, bea, &nano).await;
    stage.send(ada, "Again").await.data(StatusCode::CREATED);
    let ids = |data: &Value| -> Vec<String> {
        data.as_array().unwrap().iter().map(|chat| chat["id"].as_str().unwrap().to_owned()).collect()
    };
    let expected = [chats[0].clone(), chats[2].clone(), chats[1].clone()];
    assert_eq!(ids(ada.get(app, "/api/v1/chats").await.data(StatusCode::OK)), expected);
    let mine = bea.get(app, "/api/v1/chats").await;
    assert!(ids(mine.data(StatusCode::OK)).contains(&silent));

    let first = ada.get(app, "/api/v1/chats?limit=2").await;
    assert_eq!(ids(first.data(StatusCode::OK)), expected[..2]);
    let shown = &first.data(StatusCode::OK)[0];
    assert_eq!((&shown["nano"]["title"], &shown["own_nano"]), (&json!("Pivot tables"), &json!(true)));
    assert_eq!((&shown["other"]["username"], &shown["last_message"]["text"]), (&json!("bea"), &json!("Again")));
    let cursor = first.body["meta"]["next_cursor"].as_str().unwrap();
    assert!(first.headers["link"].to_str().unwrap().contains("rel=\"next\""));
    let second = ada.get(app, &format!("/api/v1/chats?limit=2&cursor={cursor}")).await;
    assert_eq!(ids(second.data(StatusCode::OK)), expected[2..]);
    assert_eq!(second.body["meta"].get("next_cursor"), None);
    let about = ada.get(app, &format!("/api/v1/chats?nano_id={}", stage.nano)).await;
    assert_eq!(ids(about.data(StatusCode::OK)), std::slice::from_ref(&stage.chat));
    assert_eq!(ids(ada.get(app, "/api/v1/chats?state=archived").await.data(StatusCode::OK)), [""; 0]);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_chat_can_be_read_and_nothing_is_added() {
    let stage = Stage::start().await;
    let admin = stage.app.user("boss", Role::Admin).await;
    stage.send(&stage.reader, "Before").await.data(StatusCode::CREATED);
    let path = format!("/api/v1/admin/chats/{}/close", stage.chat);
    let closed = admin.post(&stage.app, &path, &json!({"reason": "abuse"})).await;
    assert_eq!(closed.data(StatusCode::OK)["state"], "closed");
    assert_eq!(stage.numbers("").await, [1]);
    assert_eq!(stage.send(&stage.reader, "After").await.error(StatusCode::CONFLICT), "CHAT_CLOSED");
    assert_eq!(
        admin.post(&stage.app, &path, &json!({"reason": "again"})).await.error(StatusCode::CONFLICT),
        "CHAT_CLOSED"
    );
    assert_eq!(stage.read(&stage.creator, 1).await.data(StatusCode::OK)["unread"], 0);
    let begun = stage.reader.post(&stage.app, "/api/v1/chats", &json!({"nano_id": stage.nano})).await;
    assert_eq!(begun.data(StatusCode::OK)["state"], "closed", "it is the one they have");
    let log = admin.get(&stage.app, "/api/v1/admin/audit-logs?action=chat.close").await;
    assert_eq!(log.data(StatusCode::OK)[0]["details"]["reason"], "abuse");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_sent_again_under_its_key_is_kept_once() {
    let stage = Stage::start().await;
    let key = Uuid::now_v7().to_string();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let request = stage.reader.request(&stage.app, Method::POST, &stage.path("/messages"));
        let sent = answer(request.header("idempotency-key", &key).json(&json!({"text": "Once"}))).await;
        seen.push(sent.data(StatusCode::CREATED)["seq"].clone());
    }
    assert_eq!(seen, [1, 1, 1]);
    assert_eq!(stage.numbers("").await, [1]);
    stage.app.finish().await;
}
