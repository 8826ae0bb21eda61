//! The events of all nanos of one person: all of theirs, none of others', and nothing lost by whoever comes back.

use std::collections::BTreeSet;

use db::clock::Clock;
use domain::ids::NanoId;
use infra::db::nano_events;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    TestApp, User,
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
