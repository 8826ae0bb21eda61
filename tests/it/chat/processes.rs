//! Any process serves any chat; one that ends or dies costs a reconnect.

use std::time::Instant;

use reqwest::StatusCode;
use serde_json::json;
use servers::proxy::Proxy;
use tests::{
    app::PATIENCE,
    talk::{Heard, Talk},
};
use uuid::Uuid;

use super::Stage;

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_carry_one_chat() {
    let stage = Stage::start().await;
    let other = stage.app.another_api().await;
    let mut here = stage.talk(&stage.creator, None).await;
    let mut there = Talk::begin(&other.url, &stage.chat, &stage.reader.token, None).await;
    for number in 1..=5 {
        here.send(&format!("here {number}")).await;
        there.send(&format!("there {number}")).await;
    }
    let (left, right) = (here.messages(10).await, there.messages(10).await);
    assert_eq!(left, right, "both see one order");
    assert_eq!(left.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=10).collect::<Vec<u64>>());
    other.stop().await;
    stage.app.finish().await;
}

/// Two people write at once at two processes, each as fast as they are answered: one order, without a gap, and everybody's own
/// messages in the order they were sent in.
#[tokio::test(flavor = "multi_thread")]
async fn two_senders_at_once_keep_one_order_without_a_gap() {
    const EACH: usize = 50;
    let stage = Stage::start().await;
    let other = stage.app.another_api().await;
    let write = async |url: &str, token: &str, name: &str| {
        let mut talk = Talk::begin(url, &stage.chat, token, None).await;
        for number in 0..EACH {
            talk.send(&format!("{name} {number}")).await;
            talk.said_of("sent").await;
        }
    };
    tokio::join!(write(&stage.app.url, &stage.creator.token, "ada"), write(&other.url, &stage.reader.token, "bea"),);
    let mut late = stage.talk(&stage.reader, Some(0)).await;
    let all = late.messages(2 * EACH).await;
    assert_eq!(all.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=2 * EACH as u64).collect::<Vec<_>>());
    for name in ["ada", "bea"] {
        let own: Vec<&String> = all.iter().map(|(_, text)| text).filter(|text| text.starts_with(name)).collect();
        let sent: Vec<String> = (0..EACH).map(|number| format!("{name} {number}")).collect();
        assert_eq!(own, sent.iter().collect::<Vec<_>>());
    }
    other.stop().await;
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_says_so_and_the_other_one_goes_on() {
    let stage = Stage::start().await;
    let other = stage.app.another_api().await;
    let mut bea = Talk::begin(&other.url, &stage.chat, &stage.reader.token, None).await;
    stage.send(&stage.creator, "Before").await.data(StatusCode::CREATED);
    assert_eq!(bea.messages(1).await[0].0, 1);
    other.stop().await;
    assert_eq!(bea.closed().await, (1001, None));
    stage.send(&stage.creator, "Meanwhile").await.data(StatusCode::CREATED);
    let mut bea = stage.talk(&stage.reader, Some(1)).await;
    assert_eq!(bea.messages(1).await, [(2, "Meanwhile".to_owned())]);
    stage.app.finish().await;
}

/// The connection to one process breaks again and again in the middle of whatever is under way, as when the process is killed. The
/// writer sends again what was not answered, under the same id, at whichever process; the reader goes on after the last
/// message it has. Nothing is lost, nothing comes twice.
#[tokio::test(flavor = "multi_thread")]
async fn cuts_lose_nothing_and_repeat_nothing() {
    const MESSAGES: usize = 60;
    let stage = Stage::start().await;
    let other = stage.app.another_api().await;
    let proxy = Proxy::start(port(&other.url)).await.unwrap();
    let broken = format!("http://127.0.0.1:{}", proxy.port());
    let started = Instant::now();
    let write = async {
        for number in 0..MESSAGES {
            let id = Uuid::now_v7();
            // At the process that breaks first, then at the other one.
            let mut urls = [&broken, &stage.app.url].into_iter().cycle();
            'sending: loop {
                assert!(started.elapsed() < PATIENCE, "message {number} is not taken");
                let mut talk = Talk::begin(urls.next().unwrap(), &stage.chat, &stage.creator.token, None).await;
                talk.say(&json!({"type": "send", "id": id, "text": format!("{number}")})).await;
                if number % 3 == 0 {
                    proxy.cut();
                }
                loop {
                    match talk.hear().await {
                        Heard::Said(said) if said["type"] == "sent" => break 'sending,
                        Heard::Said(_) => {}
                        Heard::Closed(_) | Heard::Cut => break,
                    }
                }
            }
        }
    };
    let read = async {
        let mut seen: Vec<(u64, String)> = Vec::new();
        while seen.len() < MESSAGES {
            let after = seen.last().map_or(0, |(seq, _)| u32::try_from(*seq).unwrap());
            let Ok(mut talk) = Talk::open(&broken, &stage.chat, None).await else { continue };
            talk.auth(&stage.reader.token, Some(after)).await;
            loop {
                match talk.hear().await {
                    Heard::Said(said) if said["type"] == "message" => {
                        let message = &said["message"];
                        seen.push((message["seq"].as_u64().unwrap(), message["text"].as_str().unwrap().to_owned()));
                        if seen.len() == MESSAGES {
                            break;
                        }
                    }
                    Heard::Said(_) => {}
                    Heard::Closed(_) | Heard::Cut => break,
                }
            }
        }
        seen
    };
    let (_, seen) = tokio::join!(write, read);
    let expected: Vec<(u64, String)> = (0..MESSAGES).map(|number| (number as u64 + 1, number.to_string())).collect();
    assert_eq!(seen, expected);
    drop(proxy);
    other.stop().await;
    stage.app.finish().await;
}
