//! What people are told of, by which channels, and by which searches.

mod preferences;
mod saved_searches;
mod told;
mod unsubscribe;

use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, archives, client::answer};

async fn consumer(app: &TestApp, name: &str) -> User {
    app.user(name, Role::Consumer).await
}

/// A nano that went all the way to the shelf, and into the index.
async fn published(app: &TestApp, creator: &User, title: &str) -> String {
    let nano = creator.submit(app, title, archives::unit()).await;
    app.run_all_due().await;
    app.wait_for_status(creator, &nano, &["published"]).await;
    nano
}

async fn rate(app: &TestApp, user: &User, nano: &str, score: u8) -> String {
    let rated = user.post(app, &format!("/api/v1/nanos/{nano}/ratings"), &json!({ "score": score })).await;
    rated.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned()
}

async fn send(app: &TestApp, user: &User, method: Method, path: &str, form: Value) -> Answer {
    answer(user.request(app, method, path).json(&form)).await
}

/// What somebody was told of, the newest first, and how many are unread.
async fn told(app: &TestApp, user: &User) -> (Vec<Value>, u64) {
    let list = user.get(app, "/api/v1/me/notifications?limit=100").await;
    let data = list.data(StatusCode::OK);
    (data["notifications"].as_array().unwrap().clone(), data["unread"].as_u64().unwrap())
}

fn kinds(told: &[Value]) -> Vec<&str> {
    told.iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

async fn prefer(app: &TestApp, user: &User, kind: &str, form: Value) -> Answer {
    send(app, user, Method::PATCH, &format!("/api/v1/me/notification-preferences/{kind}"), form).await
}

/// Mails to somebody with this in their subject.
fn mails(app: &TestApp, user: &User, subject: &str) -> Vec<servers::mail::Mail> {
    let mails = app.mail.messages().into_iter();
    mails.filter(|mail| mail.to.contains(&user.email) && mail.subject.contains(subject)).collect()
}
