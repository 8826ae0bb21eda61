//! What a socket may cost.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{app::Overrides, talk::Talk};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::Stage;

fn with(settings: fn(&mut api::Settings)) -> Overrides {
    Overrides { settings: Some(settings), ..Overrides::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_8_kib_are_read_and_a_byte_more_is_not() {
    let stage = Stage::start().await;
    // JSON as long as it may be: white space between the fields.
    let frame = |length: usize| {
        let frame = json!({"type": "send", "id": Uuid::now_v7(), "text": "Hello"}).to_string();
        let blank = " ".repeat(length - frame.len());
        frame.replacen('{', &format!("{{{blank}"), 1)
    };
    let mut bea = stage.talk(&stage.reader, None).await;
    bea.put(Message::text(frame(8 << 10))).await;
    assert_eq!(bea.said_of("sent").await["seq"], 1);
    bea.put(Message::text(frame((8 << 10) + 1))).await;
    assert_eq!(bea.closed().await, (1009, None));
    let mut first = Talk::open(&stage.app.url, &stage.chat, None).await.expect("a socket");
    first.put(Message::text(frame((8 << 10) + 1))).await;
    assert_eq!(first.closed().await, (1009, None));
    assert_eq!(stage.numbers("").await, [1]);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sends_ten_messages_a_minute_wherever_they_send_them() {
    let stage = Stage::start_with(with(|settings| settings.chat.messages_per_minute = 10)).await;
    let mut bea = stage.talk(&stage.reader, None).await;
    for seq in 1..=5 {
        bea.send("Socket").await;
        assert_eq!(bea.said_of("sent").await["seq"], seq);
    }
    let mut sent = 5;
    let refused = loop {
        let answer = stage.send(&stage.reader, "Request").await;
        if answer.status != StatusCode::CREATED {
            break answer;
        }
        sent += 1;
        // One more comes back every six seconds, and the machine may be slow.
        assert!(sent < 20, "no limit");
    };
    assert!(sent >= 10, "{sent}");
    assert_eq!(refused.error(StatusCode::TOO_MANY_REQUESTS), "RATE_LIMITED");
    assert!(refused.headers["ratelimit-policy"].to_str().unwrap().contains("chat_messages"));
    let mut refused = None;
    while refused.is_none() {
        let id = bea.send("One too many").await;
        loop {
            let said = bea.said().await;
            match said["type"].as_str().unwrap() {
                "error" => {
                    assert_eq!((&said["error"]["code"], &said["id"]), (&json!("RATE_LIMITED"), &json!(id)));
                    assert!(said["error"]["details"]["retry_after_seconds"].as_u64().unwrap() >= 1);
                    refused = Some(said);
                    break;
                }
                "sent" => break,
                _ => {}
            }
        }
    }
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_ends_the_socket() {
    let stage = Stage::start().await;
    let mut bea = stage.talk(&stage.reader, None).await;
    for _ in 0..200 {
        bea.put(Message::Ping(Default::default())).await;
    }
    assert_eq!(bea.closed().await, (4429, None));
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_so_many_sockets() {
    let stage = Stage::start_with(with(|settings| settings.chat.sockets_per_person = 2)).await;
    let mut open = [stage.talk(&stage.reader, None).await, stage.talk(&stage.reader, None).await];
    let mut third = Talk::open(&stage.app.url, &stage.chat, None).await.expect("a socket");
    third.auth(&stage.reader.token, None).await;
    assert_eq!(third.closed().await, (4429, Some("RATE_LIMITED".into())));
    let _other = stage.talk(&stage.creator, None).await;
    open[0].put(Message::Close(None)).await;
    // Its place is free once the server has heard of it.
    loop {
        let mut again = Talk::open(&stage.app.url, &stage.chat, None).await.expect("a socket");
        again.auth(&stage.reader.token, None).await;
        if again.said().await["type"] == "ready" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stage.app.finish().await;
}

/// Somebody who reads nothing is closed with a code, and comes back for the rest. Meanwhile nothing of it is kept in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_closed_and_comes_back() {
    let stage = Stage::start_with(with(|settings| settings.chat.slow_reader = Duration::from_secs(1))).await;
    // More than the kernels of both sides take.
    let count = 2_500;
    stage.fill(count, &"ä".repeat(1_000)).await;
    let mut bea = stage.talk(&stage.reader, Some(0)).await;
    // Much longer than the server waits for a message, and less than it waits for its farewell.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let mut last = 0;
    let code = loop {
        match bea.hear().await {
            tests::talk::Heard::Said(said) if said["type"] == "message" => {
                let seq = said["message"]["seq"].as_u64().unwrap();
                assert_eq!(seq, last + 1, "in order");
                last = seq;
            }
            tests::talk::Heard::Said(_) => {}
            tests::talk::Heard::Closed(code) => break Some(code),
            tests::talk::Heard::Cut => break None,
        }
    };
    assert_eq!(code, Some(1013), "after {last}");
    assert!(last < count as u64, "all were taken: nobody was slow");
    let mut bea = stage.talk(&stage.reader, Some(u32::try_from(last).unwrap())).await;
    let rest = bea.messages(count - usize::try_from(last).unwrap()).await;
    assert_eq!(rest.first().unwrap().0, last + 1);
    assert_eq!(rest.last().unwrap().0, count as u64);
    stage.app.finish().await;
}
