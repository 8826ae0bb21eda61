//! Messages as they come, on sockets.

use std::time::Duration;

use domain::user::Role;
use reqwest::StatusCode;
use serde_json::json;
use tests::app::AT_ONCE;

use super::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_writes_the_other_reads_at_once_and_in_order() {
    let stage = Stage::start().await;
    let (mut ada, mut bea) = (stage.talk(&stage.creator, None).await, stage.talk(&stage.reader, None).await);
    for text in ["One", "Two"] {
        let id = bea.send(text).await;
        let sent = bea.said_of("sent").await;
        assert_eq!(sent["id"], json!(id));
    }
    stage.send(&stage.creator, "Three").await.data(StatusCode::CREATED);
    let expected = [(1, "One".to_owned()), (2, "Two".to_owned()), (3, "Three".to_owned())];
    assert_eq!(ada.messages(3).await, expected);
    let mut again = stage.talk(&stage.reader, Some(0)).await;
    assert_eq!(again.messages(3).await, expected, "on another device, from the beginning");
    ada.say(&json!({"type": "read", "seq": 2})).await;
    let read = again.said_of("read").await;
    assert_eq!((&read["user_id"], &read["seq"]), (&json!(stage.creator.id), &json!(2)));
    assert_eq!(stage.seen_by(&stage.creator).await["read_seq"], 2);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_away_gets_what_they_missed_once_and_in_order() {
    let stage = Stage::start().await;
    let mut bea = stage.talk(&stage.reader, None).await;
    stage.fill(3, "Before").await;
    let before = bea.messages(3).await;
    assert_eq!(before.last().unwrap().0, 3);
    // Gone without a word.
    drop(bea);
    stage.fill(170, "Meanwhile").await;
    let mut bea = stage.talk(&stage.reader, Some(3)).await;
    let missed: Vec<u64> = bea.messages(170).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(missed, (4..=173).collect::<Vec<u64>>());
    stage.send(&stage.creator, "Now").await.data(StatusCode::CREATED);
    assert_eq!(bea.messages(1).await, [(174, "Now".to_owned())]);
    assert!(bea.is_silent(Duration::from_millis(500)).await, "nothing twice");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_sent_again_under_its_id_is_kept_once() {
    let stage = Stage::start().await;
    let mut bea = stage.talk(&stage.reader, None).await;
    let id = bea.send("Once").await;
    let first = bea.said_of("sent").await;
    // Its answer was lost, for all that the client knows.
    let mut bea = stage.talk(&stage.reader, Some(0)).await;
    bea.say(&json!({"type": "send", "id": id, "text": "Once"})).await;
    let again = bea.said_of("sent").await;
    assert_eq!(again, first);
    assert_eq!(stage.numbers("").await, [1]);
    stage.app.finish().await;
}

/// A hint that is lost costs time and nothing else: here nobody sends one.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hint_is_made_up_for() {
    let stage = Stage::start().await;
    let mut bea = stage.talk(&stage.reader, None).await;
    // A database of its own tells nobody of its commits.
    let silent = db::Db::connect(&stage.app.database_url, 2).await.unwrap();
    let mut tx = silent.begin().await.unwrap();
    let id = stage.chat.parse().unwrap();
    let chat = infra::db::chat_sessions::lock(&mut tx, id).await.unwrap().unwrap();
    let (message, sender) = (domain::ids::MessageId::new(), chat.creator_id);
    infra::db::chat_messages::append(&mut tx, &chat, sender, message, "Unheard", chrono::Utc::now()).await.unwrap();
    tx.commit().await.unwrap();
    let found = tokio::time::timeout(AT_ONCE, bea.messages(1)).await.expect("within some seconds");
    assert_eq!(found, [(1, "Unheard".to_owned())]);
    silent.close().await;
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_close_of_a_chat_is_told_after_what_was_written() {
    let stage = Stage::start().await;
    let admin = stage.app.user("boss", Role::Admin).await;
    let mut bea = stage.talk(&stage.reader, None).await;
    stage.fill(1, "Last words").await;
    let path = format!("/api/v1/admin/chats/{}/close", stage.chat);
    admin.post(&stage.app, &path, &json!({"reason": "abuse"})).await.data(StatusCode::OK);
    assert_eq!(bea.messages(1).await.len(), 1);
    assert_eq!(bea.said().await, json!({"type": "closed"}));
    assert_eq!(bea.closed().await, (4409, None));
    let mut late = stage.talk(&stage.reader, Some(0)).await;
    assert_eq!(late.messages(1).await.len(), 1, "a closed chat is read to its end");
    assert_eq!(late.closed().await, (4409, None));
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_the_socket_goes_on() {
    let stage = Stage::start().await;
    let mut bea = stage.talk(&stage.reader, None).await;
    for (bad, code) in [
        (json!({"type": "send", "id": "7", "text": ""}), "VALIDATION_FAILED"),
        (json!({"type": "shout"}), "VALIDATION_FAILED"),
        (json!([1]), "MALFORMED_JSON"),
    ] {
        bea.say(&bad).await;
        let error = bea.said_of("error").await;
        assert_eq!(error["error"]["code"], code, "{bad}");
        assert!(error["error"]["message"].is_string());
    }
    bea.send("Good").await;
    assert_eq!(bea.said_of("sent").await["seq"], 1);
    stage.app.finish().await;
}
