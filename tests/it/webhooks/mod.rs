//! Webhooks of people: endpoints and their secrets, what they are told, and where nothing is sent.

mod deliveries;
mod endpoints;
mod events;
mod libraries;
mod targets;

use chrono::Utc;
use db::clock::Clock;
use domain::{
    ids::{NanoId, RatingId},
    user::Role,
};
use infra::db::nanos;
use jobs::{Announcement, DeliverWebhook, announce};
use queue::{
    ids::JobId,
    ledger::{self, Action, By, State},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, app::Overrides, client::answer, kit::Kit, receiver::Receiver};

const ALL: [&str; 3] = ["nano.published", "nano.rejected", "nano.rated"];

/// A creator with a nano and an endpoint that listens to everything.
struct Stage {
    app: TestApp,
    creator: User,
    nano: NanoId,
    receiver: Receiver,
    webhook: String,
    secret: String,
}

/// A webhook's id and its secret.
async fn made(app: &TestApp, user: &User, url: &str, events: &[&str]) -> (String, String) {
    let form = json!({"name": "Catalogue", "url": url, "events": events});
    let answer = user.post(app, "/api/v1/me/webhooks", &form).await;
    let data = answer.data(StatusCode::CREATED);
    (data["webhook"]["id"].as_str().unwrap().to_owned(), data["secret"].as_str().unwrap().to_owned())
}

async fn send(app: &TestApp, user: &User, method: Method, path: &str, form: Value) -> Answer {
    answer(user.request(app, method, path).json(&form)).await
}

/// A request without a body.
async fn ask(app: &TestApp, user: &User, path: &str) -> Answer {
    answer(user.request(app, Method::POST, path)).await
}

impl Stage {
    async fn start() -> Self {
        let clock = Clock::manual(Utc::now());
        Self::start_with(Overrides { clock, ..Overrides::default() }).await
    }

    async fn start_with(overrides: Overrides) -> Self {
        let app = TestApp::start_with(overrides).await;
        let creator = app.user("ada", Role::Creator).await;
        let nano = creator.draft(&app, "Pivot tables").await.parse().unwrap();
        let receiver = Receiver::start().await;
        let (webhook, secret) = made(&app, &creator, &receiver.url, &ALL).await;
        Self { app, creator, nano, receiver, webhook, secret }
    }

    fn path(&self, tail: &str) -> String {
        format!("/api/v1/me/webhooks/{}{tail}", self.webhook)
    }

    /// The creator with a token that is good now.
    async fn creator_now(&self) -> User {
        self.app.login(&self.creator.email).await
    }

    /// The webhook as its owner sees it.
    async fn seen(&self) -> Value {
        self.creator_now().await.get(&self.app, &self.path("")).await.data(StatusCode::OK).clone()
    }

    /// Its deliveries, the newest first.
    async fn deliveries(&self) -> Vec<Value> {
        let answer = self.creator_now().await.get(&self.app, &self.path("/deliveries")).await;
        answer.data(StatusCode::OK).as_array().unwrap().clone()
    }

    /// Tells of a rating of the creator's nano, as a request that rates it does.
    async fn rated(&self, rating_id: RatingId, revision: u32) {
        let nano = nanos::get(&self.app.db, self.nano).await.unwrap().unwrap();
        let rated = Announcement::Rated { nano: &nano, rating_id, revision, score: 4, before: None };
        let mut tx = self.app.db.begin().await.unwrap();
        announce(&mut tx, &rated, self.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The one delivery that is under way.
    async fn job(&self) -> JobId {
        self.app.assert_enqueued::<DeliverWebhook>(|_| true).await
    }

    /// Has the next attempt made now.
    async fn attempt(&self, kit: &Kit, job: JobId) -> State {
        if ledger::get(&self.app.db, job).await.unwrap().unwrap().state == State::Scheduled {
            let mut tx = self.app.db.begin().await.unwrap();
            ledger::operate(&mut tx, job, Action::Retry, &By::system("now")).await.unwrap().unwrap();
            tx.commit().await.unwrap();
        }
        kit.run_one(job).await.state
    }
}
