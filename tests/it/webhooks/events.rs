//! What endpoints are told of, and that they are told it once.

use domain::{ids::RatingId, review::ReviewPolicy, user::Role};
use infra::db::nanos;
use jobs::{Announcement, announce};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    app::PATIENCE,
    archives, database,
    receiver::{Received, Receiver},
};

use super::{Stage, made, send};

fn of_type(received: &[Received], kind: &str) -> Vec<Value> {
    received.iter().map(Received::json).filter(|message| message["type"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_and_rejecting_are_told_with_what_was_published_and_why_not() {
    let stage = Stage::start().await;
    let (app, ada) = (&stage.app, &stage.creator);
    let moderator = app.user("mod", Role::Moderator).await;
    let worker = app.worker_with(ReviewPolicy::Always, jobs::registry()).await;
    for (decision, kind) in [("approve", "nano.published"), ("reject", "nano.rejected")] {
        let nano = ada.submit(app, kind, archives::unit_with(&[("which.txt", kind.as_bytes())])).await;
        app.wait_for_status(ada, &nano, &["pending_review"]).await;
        let queue = moderator.get(app, "/api/v1/admin/moderation/queue").await;
        let case = queue.data(StatusCode::OK)[0]["id"].as_str().unwrap().to_owned();
        let judged = json!({"decision": decision, "reason": "It has been looked at."});
        let path = format!("/api/v1/admin/moderation/{case}/decision");
        moderator.post(app, &path, &judged).await.data(StatusCode::OK);
        app.drained().await;
        let told = of_type(&stage.receiver.received(), kind);
        assert_eq!(told.len(), 1, "{kind}: {told:#?}");
        let data = &told[0]["data"];
        assert_eq!((&data["nano_id"], &data["title"]), (&json!(nano), &json!(kind)));
        assert!(data["version_id"].is_string() && data["version"].is_string(), "{data:#}");
        let reason = if decision == "reject" { json!("It has been looked at.") } else { Value::Null };
        assert_eq!(data["reason"], reason);
    }
    assert_eq!(stage.receiver.received().len(), 2);
    worker.stop().await;
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_are_told_to_whoever_listens_and_name_nobody() {
    let stage = Stage::start().await;
    let (app, ada) = (&stage.app, &stage.creator);
    let (bea, elsewhere) = (app.user("bea-who-rates", Role::Consumer).await, Receiver::start().await);
    made(app, ada, &elsewhere.url, &["nano.published"]).await;
    database::execute(&app.db, "UPDATE nanos SET status = 'published', published_at = UTC_TIMESTAMP(6)").await.unwrap();
    let list = format!("/api/v1/nanos/{}/ratings", stage.nano);
    let rating = bea.post(app, &list, &json!({"score": 4, "comment": "Secret so far"})).await;
    let rating = rating.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/ratings/{rating}");
    send(app, &bea, Method::PATCH, &path, json!({"score": 2})).await.data(StatusCode::OK);
    // The same score again is nothing new.
    send(app, &bea, Method::PATCH, &path, json!({"score": 2})).await.data(StatusCode::OK);
    app.run_all_due().await;
    let received = stage.receiver.received();
    let told = of_type(&received, "nano.rated");
    let mut scores: Vec<_> =
        told.iter().map(|told| (told["data"]["score"].clone(), told["data"]["score_before"].clone())).collect();
    scores.sort_by_key(|(score, _)| score.as_u64());
    assert_eq!(scores, [(json!(2), json!(4)), (json!(4), json!(null))]);
    for message in &received {
        assert!(message.is_signed_with(&stage.secret), "{message:#?}");
        let text = String::from_utf8_lossy(&message.body).into_owned();
        for private in ["bea-who-rates", &bea.id, "Secret so far"] {
            assert!(!text.contains(private), "{text}");
        }
    }
    assert!(elsewhere.received().is_empty());
    // What follows a rating into the search index waits for a minute.
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_true_is_told_once_and_what_was_rolled_back_never() {
    let stage = Stage::start().await;
    let (app, rating_id) = (&stage.app, RatingId::new());
    let nano = nanos::get(&app.db, stage.nano).await.unwrap().unwrap();
    let rated = Announcement::Rated { nano: &nano, rating_id, revision: 1, score: 4, before: None };
    let mut tx = app.db.begin().await.unwrap();
    announce(&mut tx, &rated, app.clock.now()).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(stage.deliveries().await.is_empty());

    stage.rated(rating_id, 1).await;
    tokio::join!(stage.rated(rating_id, 1), stage.rated(rating_id, 1), stage.rated(rating_id, 1));
    assert_eq!(stage.deliveries().await.len(), 1);
    for table in ["webhook_events", "webhook_deliveries"] {
        assert_eq!(database::number(&app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap(), 1, "{table}");
    }
    app.run_all_due().await;
    assert_eq!(stage.receiver.wait_for(1, PATIENCE).await.len(), 1);
    stage.app.finish().await;
}
