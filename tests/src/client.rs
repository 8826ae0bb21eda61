//! People who use the API.

use std::time::{Duration, Instant};

use db::clock::Clock;
use domain::{
    ids::UserId,
    password_hash,
    user::{Language, Role},
};
use infra::db::users;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::{PATIENCE, TestApp},
    contract,
};

pub const PASSWORD: &str = "a long enough phrase";

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    /// The whole body; `Null` when it was not JSON.
    pub body: Value,
}

impl Answer {
    /// `data` of the envelope; fails the test unless the status is as expected.
    #[track_caller]
    pub fn data(&self, expected: StatusCode) -> &Value {
        assert_eq!(self.status, expected, "{:#}", self.body);
        &self.body["data"]
    }

    /// The error's code; fails the test unless the status is as expected.
    #[track_caller]
    pub fn error(&self, expected: StatusCode) -> &str {
        assert_eq!(self.status, expected, "{:#}", self.body);
        self.body["error"]["code"].as_str().expect("an error code")
    }

    pub fn location(&self) -> &str {
        self.headers["location"].to_str().expect("a location")
    }
}

/// Sends a request. Fails the test when the OpenAPI document has another idea of the answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let (answer, kept) = held(request).await;
    if let Err(breach) = kept {
        panic!("{breach}\n{:#}", answer.body);
    }
    answer
}

/// The answer, and whether it keeps to the OpenAPI document.
pub async fn held(request: RequestBuilder) -> (Answer, Result<(), String>) {
    let (client, request) = request.build_split();
    let request = request.expect("a request");
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    // A stream does not end.
    let endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let bytes: Vec<u8> = if endless { Default::default() } else { response.bytes().await.expect("a body").into() };
    let kept = contract::check(&method, &path, status, &headers, &bytes);
    let kept = kept.map_err(|breach| format!("{method} {path} answered {status}: {breach}"));
    (Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }, kept)
}

/// A signed-in person.
#[derive(Clone)]
pub struct User {
    pub id: String,
    pub email: String,
    pub token: String,
}

impl TestApp {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// A verified account of any role, made as `worker admin create` makes them, signed in through the API.
    pub async fn user(&self, username: &str, role: Role) -> User {
        let email = format!("{username}@nano.test");
        let hash =
            tokio::task::spawn_blocking(|| password_hash::hash(PASSWORD)).await.expect("no panic").expect("a hash");
        let now = Clock::System.now();
        let id = UserId::new();
        let new = users::NewUser {
            id,
            email: &email,
            username,
            password_hash: &hash,
            name: username,
            role,
            language: Language::En,
            email_verified_at: Some(now),
        };
        let mut tx = self.db.begin().await.expect("a transaction");
        users::insert(&mut tx, &new, now).await.expect("a new account");
        tx.commit().await.expect("a commit");
        self.login(&email).await
    }

    pub async fn creator(&self, username: &str) -> User {
        self.user(username, Role::Creator).await
    }

    pub async fn login(&self, email: &str) -> User {
        let answer = self.post("/api/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await;
        let data = answer.data(StatusCode::OK);
        let token = data["access_token"].as_str().expect("a token").to_owned();
        let me = answer_as(self, &token, Method::GET, "/api/v1/auth/me").await;
        let id = me.data(StatusCode::OK)["id"].as_str().expect("an id").to_owned();
        User { id, email: email.to_owned(), token }
    }

    /// Waits until the nano is in one of `states`; returns the owner's view of it.
    pub async fn wait_for_status(&self, user: &User, nano: &str, states: &[&str]) -> Value {
        let started = Instant::now();
        loop {
            let answer = user.get(self, &format!("/api/v1/nanos/{nano}")).await;
            let data = answer.data(StatusCode::OK);
            if states.iter().any(|state| data["status"] == *state) {
                return data.clone();
            }
            assert!(started.elapsed() < PATIENCE, "still not {states:?}: {data:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn answer_as(app: &TestApp, token: &str, method: Method, path: &str) -> Answer {
    answer(app.request(method, path).bearer_auth(token)).await
}

impl User {
    pub fn request(&self, app: &TestApp, method: Method, path: &str) -> RequestBuilder {
        app.request(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, app: &TestApp, path: &str) -> Answer {
        answer(self.request(app, Method::GET, path)).await
    }

    pub async fn post(&self, app: &TestApp, path: &str, body: &Value) -> Answer {
        answer(self.request(app, Method::POST, path).json(body)).await
    }

    pub async fn delete(&self, app: &TestApp, path: &str) -> Answer {
        answer(self.request(app, Method::DELETE, path)).await
    }

    /// Makes a draft; returns its id.
    pub async fn draft(&self, app: &TestApp, title: &str) -> String {
        let categories = app.get("/api/v1/categories").await;
        let category = categories.data(StatusCode::OK)[0]["slug"].clone();
        let body = json!({
            "title": title, "description": "What this unit teaches.", "duration_minutes": 10, "level": 1,
            "language": "en", "format": "mixed", "license": "CC-BY", "categories": [category],
        });
        let answer = self.post(app, "/api/v1/nanos", &body).await;
        answer.data(StatusCode::CREATED)["id"].as_str().expect("an id").to_owned()
    }

    /// Uploads a file; returns the upload's id.
    pub async fn upload(&self, app: &TestApp, nano: &str, file: Vec<u8>) -> String {
        let answer = self.put_file(app, nano, file).await;
        answer.data(StatusCode::CREATED)["id"].as_str().expect("an id").to_owned()
    }

    pub async fn put_file(&self, app: &TestApp, nano: &str, file: Vec<u8>) -> Answer {
        let request = self.request(app, Method::PUT, &format!("/api/v1/nanos/{nano}/file?filename=unit.zip"));
        answer(request.header("content-type", "application/zip").body(file)).await
    }

    /// Finishes an upload; returns where its job is.
    pub async fn finish(&self, app: &TestApp, upload: &str) -> String {
        let answer = self.post(app, &format!("/api/v1/uploads/{upload}/finish"), &json!({})).await;
        answer.data(StatusCode::ACCEPTED);
        answer.location().to_owned()
    }

    /// Draft, upload and finish in one; returns the nano's id.
    pub async fn submit(&self, app: &TestApp, title: &str, file: Vec<u8>) -> String {
        let nano = self.draft(app, title).await;
        let upload = self.upload(app, &nano, file).await;
        self.finish(app, &upload).await;
        nano
    }
}
