//! The events of all nanos of one person: all of theirs, none of others', and nothing lost by whoever comes back.

use std::{collections::BTreeSet, time::Instant};

use db::clock::Clock;
use domain::ids::NanoId;
use infra::db::nano_events;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    TestApp, User,
    app::PATIENCE,
    client::answer,
    database,
    events::{Event, EventStream},
};

async fn open(app: &TestApp, user: &User, last: Option<&str>) -> EventStream {
    EventStream::open(app, user, "/api/v1/me/events", last).await
}

async fn append(app: &TestApp, nano: &str, kind: &str) {
    let id: NanoId = nano.parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    nano_events::append(&mut tx, id, kind, &json!({}), Clock::System.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// The id of an event of just now.
fn now() -> String {
    Clock::System.now().timestamp_micros().to_string()
}

fn told(event: &Event) -> (String, u64) {
    (event.data["nano_id"].as_str().unwrap().to_owned(), event.data["seq"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_has_the_events_of_all_own_nanos() {
    let app = TestApp::start().await;
    let (eva, max) = (app.creator("eva").await, app.creator("max").await);
    let (first, second) = (eva.draft(&app, "First").await, eva.draft(&app, "Second").await);
    let others = max.draft(&app, "Others").await;
    // What is on its way is told from its beginning, what is at rest from now on.
    let moves = format!("UPDATE nanos SET status = 'processing' WHERE id = UNHEX(REPLACE('{first}', '-', ''))");
    database::execute(&app.db, &moves).await.unwrap();
    let mut stream = open(&app, &eva, None).await;
    let event = stream.next().await.unwrap();
    assert_eq!((told(&event), event.kind.as_str()), ((first.clone(), 1), "created"));
    append(&app, &others, "tick").await;
    append(&app, &second, "tick").await;
    let event = stream.next().await.unwrap();
    assert_eq!((told(&event), event.kind.as_str()), ((second.clone(), 2), "tick"));

    // Whoever comes back misses nothing.
    drop(stream);
    append(&app, &first, "tock").await;
    append(&app, &second, "tock").await;
    append(&app, &others, "tock").await;
    let mut missed = BTreeSet::from([(first.clone(), 2), (second.clone(), 3)]);
    let mut stream = open(&app, &eva, Some(&event.id)).await;
    while !missed.is_empty() {
        let event = stream.next().await.expect("the stream goes on");
        assert_ne!(told(&event).0, others);
        missed.remove(&told(&event));
    }
    // A nano that is new.
    let third = eva.draft(&app, "Third").await;
    while told(&stream.next().await.expect("the stream goes on")) != (third.clone(), 1) {}
    let nobody = answer(app.request(Method::GET, "/api/v1/me/events")).await;
    assert_eq!(nobody.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_cut_off_while_catching_up_misses_nothing_of_the_other_nanos() {
    let app = TestApp::start().await;
    let eva = app.creator("eva").await;
    let mut missed = BTreeSet::new();
    for title in ["First", "Second", "Third"] {
        let nano = eva.draft(&app, title).await;
        append(&app, &nano, "tick").await;
        missed.extend([(nano.clone(), 1), (nano, 2)]);
    }
    // What was missed is older than what is told again anyway, and the older the nano, the older are its events.
    for (hours, (nano, _)) in (1..).zip(missed.iter().rev()) {
        let older = format!(
            "UPDATE nano_events SET created_at = UTC_TIMESTAMP(6) - INTERVAL {hours} HOUR
             WHERE nano_id = UNHEX(REPLACE('{nano}', '-', ''))"
        );
        database::execute(&app.db, &older).await.unwrap();
    }
    let day = chrono::TimeDelta::days(1);
    let mut place = (Clock::System.now() - day).timestamp_micros().to_string();
    // Cut off after one event, after two, and so on: each time it is gone on from where the last one said.
    for events in 1.. {
        if missed.is_empty() {
            break;
        }
        assert!(events < 20, "{missed:?} were never told");
        let mut stream = open(&app, &eva, Some(&place)).await;
        for _ in 0..events {
            let event = stream.next().await.expect("the stream goes on");
            missed.remove(&told(&event));
            assert!(event.id.parse::<i64>().unwrap() >= place.parse::<i64>().unwrap(), "ids go on");
            place = event.id;
            if missed.is_empty() {
                break;
            }
        }
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_hint_is_lost_comes_while_hints_of_others_do() {
    let app = TestApp::start().await;
    let eva = app.creator("eva").await;
    let (quiet, busy) = (eva.draft(&app, "Quiet").await, eva.draft(&app, "Busy").await);
    let mut stream = open(&app, &eva, Some(&now())).await;
    append(&app, &busy, "tick").await;
    while told(&stream.next().await.expect("the stream goes on")) != (busy.clone(), 2) {}
    // Nobody tells of this one.
    let of_quiet = format!("id = UNHEX(REPLACE('{quiet}', '-', ''))");
    let event = format!(
        "INSERT INTO nano_events (nano_id, seq, kind, data, created_at)
         SELECT id, event_seq + 1, 'lost', '{{}}', UTC_TIMESTAMP(6) FROM nanos WHERE {of_quiet}"
    );
    database::execute(&app.db, &event).await.unwrap();
    let count = format!("UPDATE nanos SET event_seq = event_seq + 1 WHERE {of_quiet}");
    database::execute(&app.db, &count).await.unwrap();
    let began = Instant::now();
    loop {
        append(&app, &busy, "tick").await;
        let event = stream.next().await.expect("the stream goes on");
        if event.kind == "lost" {
            assert_eq!(told(&event), (quiet.clone(), 2));
            break;
        }
        assert!(began.elapsed() < PATIENCE, "it is never looked for");
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_of_a_nano_that_is_deleted_comes_without_its_hint() {
    let app = TestApp::start().await;
    let eva = app.creator("eva").await;
    let nano = eva.draft(&app, "Short").await;
    let mut stream = open(&app, &eva, Some(&now())).await;
    append(&app, &nano, "tick").await;
    while told(&stream.next().await.expect("the stream goes on")) != (nano.clone(), 2) {}
    let this = format!("id = UNHEX(REPLACE('{nano}', '-', ''))");
    let event = format!(
        "INSERT INTO nano_events (nano_id, seq, kind, data, created_at)
         SELECT id, event_seq + 1, 'last', '{{}}', UTC_TIMESTAMP(6) FROM nanos WHERE {this}"
    );
    database::execute(&app.db, &event).await.unwrap();
    let delete = format!("UPDATE nanos SET event_seq = event_seq + 1, status = 'deleted' WHERE {this}");
    database::execute(&app.db, &delete).await.unwrap();
    let last = stream.next().await.expect("the stream goes on");
    assert_eq!((told(&last), last.kind.as_str()), ((nano, 3), "last"));
    app.discard().await;
}
