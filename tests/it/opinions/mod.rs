//! What people think of nanos, and what they keep of them.

mod collections;
mod figures;
mod judged;
mod ratings;

use domain::{ids::NanoId, user::Role};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, client::answer};

/// A creator with a nano that is on the shelf; no file is behind it.
async fn published(app: &TestApp, creator: &User, title: &str) -> String {
    let nano = creator.draft(app, title).await;
    set_status(app, &nano, "published").await;
    nano
}

async fn set_status(app: &TestApp, nano: &str, status: &str) {
    let id: NanoId = nano.parse().unwrap();
    let set = sqlx::query("UPDATE nanos SET status = ?, published_at = UTC_TIMESTAMP(6) WHERE id = ?");
    set.bind(status).bind(id).execute(app.db.pool()).await.unwrap();
}

async fn consumer(app: &TestApp, name: &str) -> User {
    app.user(name, Role::Consumer).await
}

async fn rate(app: &TestApp, user: &User, nano: &str, form: Value) -> Answer {
    user.post(app, &format!("/api/v1/nanos/{nano}/ratings"), &form).await
}

/// The id of a new rating.
async fn rated(app: &TestApp, user: &User, nano: &str, score: u8) -> String {
    let answer = rate(app, user, nano, json!({ "score": score })).await;
    answer.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned()
}

async fn send(app: &TestApp, user: &User, method: Method, path: &str, form: Value) -> Answer {
    answer(user.request(app, method, path).json(&form)).await
}

async fn figures(app: &TestApp, nano: &str) -> (f64, u64, Vec<u64>) {
    let answer = app.get(&format!("/api/v1/nanos/{nano}/ratings")).await;
    let data = answer.data(StatusCode::OK);
    let scores = ["1", "2", "3", "4", "5"].map(|score| data["distribution"][score].as_u64().unwrap());
    (data["average_rating"].as_f64().unwrap(), data["rating_count"].as_u64().unwrap(), scores.to_vec())
}

/// Has new words looked at.
async fn scanned(app: &TestApp) {
    let ran = app.run_all_due().await;
    assert!(ran.iter().any(|ran| ran.kind == "scan_rating"), "{ran:?}");
}
