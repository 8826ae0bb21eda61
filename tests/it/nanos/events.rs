//! A nano's event stream: nothing lost, nothing twice, nothing for those who may no longer read.

use std::time::{Duration, Instant};

use db::{Db, clock::Clock};
use domain::{ids::NanoId, user::UserStatus};
use infra::db::nano_events;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{TestApp, User, app::AT_ONCE, client::answer, events::EventStream, snapshot::redacted};

async fn open(app: &TestApp, user: &User, nano: &str, after: Option<u64>) -> EventStream {
    let after = after.map(|after| after.to_string());
    EventStream::open(app, user, &format!("/api/v1/nanos/{nano}/events"), after.as_deref()).await
}

async fn append(db: &Db, nano: NanoId, kind: &str, number: u64) {
    let mut tx = db.begin().await.unwrap();
    nano_events::append(&mut tx, nano, kind, &json!({ "number": number }), Clock::System.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Several producers race, several readers hang up after every few events and come back.
#[tokio::test(flavor = "multi_thread")]
async fn resumed_streams_lose_and_repeat_nothing() {
    const PRODUCERS: u64 = 3;
    const EACH: u64 = 80;
    let app = TestApp::start().await;
    let creator = app.creator("eva").await;
    let nano = creator.draft(&app, "Eventful").await;
    let id: NanoId = nano.parse().unwrap();
    let producers = (0..PRODUCERS).map(|producer| {
        let db = app.db.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                append(&db, id, "tick", producer * EACH + number).await;
            }
        })
    });
    let producers: Vec<_> = producers.collect();
    // The draft's own event comes first.
    let last = 1 + PRODUCERS * EACH;
    let read = async |few: usize| {
        let (mut seen, mut numbers): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
        while seen.last() != Some(&last) {
            let mut stream = open(&app, &creator, &nano, seen.last().copied()).await;
            for _ in 0..few {
                if seen.last() == Some(&last) {
                    break;
                }
                let event = stream.next().await.expect("the stream goes on");
                let id = event.id.parse().unwrap();
                assert_eq!(event.data["seq"], id);
                seen.push(id);
                numbers.extend(event.data["data"]["number"].as_u64());
            }
        }
        (seen, numbers)
    };
    let (a, b, c) = tokio::join!(read(7), read(61), read(1000));
    for producer in producers {
        producer.await.unwrap();
    }
    for (seen, mut numbers) in [a, b, c] {
        assert!(seen.iter().copied().eq(1..=last), "{seen:?}");
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..PRODUCERS * EACH), "every event once, whatever its number");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_draft_is_told_from_the_beginning() {
    let app = TestApp::start().await;
    let creator = app.creator("tom").await;
    let nano = creator.draft(&app, "Told").await;
    let edit = creator.request(&app, Method::PATCH, &format!("/api/v1/nanos/{nano}"));
    answer(edit.json(&json!({"title": "Told again"}))).await.data(StatusCode::OK);
    let mut stream = open(&app, &creator, &nano, None).await;
    let mut story = Vec::new();
    for _ in 0..2 {
        let event = stream.next().await.unwrap();
        story.push(json!([event.data["seq"], event.kind, redacted(&event.data)]));
    }
    insta::assert_json_snapshot!("a_drafts_story", story);

    // Live: an event is there well within a second of its commit.
    let sent = Instant::now();
    append(&app.db, nano.parse().unwrap(), "live", 0).await;
    assert_eq!(stream.next().await.unwrap().kind, "live");
    assert!(sent.elapsed() < AT_ONCE, "{:?}", sent.elapsed());

    // What is no number begins at the beginning; what is ahead waits for what comes after it.
    let request = creator.request(&app, Method::GET, &format!("/api/v1/nanos/{nano}/events"));
    let response = request.header("last-event-id", "what?").send().await.unwrap();
    assert_eq!(EventStream::of(response).next().await.unwrap().id, "1");
    let mut ahead = open(&app, &creator, &nano, Some(3)).await;
    append(&app.db, nano.parse().unwrap(), "after", 0).await;
    assert_eq!(ahead.next().await.unwrap().id, "4");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_reader_may_no_longer_read() {
    let app = TestApp::start().await;
    let creator = app.creator("max").await;
    let other = app.creator("moe").await;
    let nano = creator.draft(&app, "Watched").await;
    let deleted = creator.draft(&app, "Deleted").await;
    let others = other.draft(&app, "Suspended").await;
    let leaving = app.login(&creator.email).await;

    let mut streams = [
        open(&app, &leaving, &nano, None).await,
        open(&app, &creator, &deleted, None).await,
        open(&app, &other, &others, None).await,
    ];
    let mut staying = open(&app, &creator, &nano, None).await;
    for stream in &mut streams {
        assert_eq!(stream.next().await.unwrap().kind, "created");
    }
    let left = answer(leaving.request(&app, Method::POST, "/api/v1/auth/logout")).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT);
    assert_eq!(creator.delete(&app, &format!("/api/v1/nanos/{deleted}")).await.status, StatusCode::NO_CONTENT);
    tests::database::set_user_status(&app.db, other.id.parse().unwrap(), UserStatus::Suspended).await.unwrap();

    let started = Instant::now();
    for stream in &mut streams {
        while stream.next().await.is_some() {}
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    }
    assert_eq!(staying.next().await.unwrap().kind, "created");
    append(&app.db, nano.parse().unwrap(), "still here", 0).await;
    assert_eq!(staying.next().await.unwrap().kind, "still here", "another session of the same person goes on");

    // A server that stops ends the rest; clients come back to another one.
    app.finish().await;
    assert!(staying.next().await.is_none());
}
