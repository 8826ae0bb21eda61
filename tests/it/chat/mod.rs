//! Chats: two people about one nano, by requests and by sockets, at one process and at two.

mod access;
mod digests;
mod limits;
mod processes;
mod reports;
mod sessions;
mod socket;

use chrono::Utc;
use domain::{
    ids::{ChatId, MessageId, UserId},
    user::Role,
};
use infra::db::{chat_messages, chat_sessions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, app::Overrides, client::answer, talk::Talk};

/// A creator with a published nano, and somebody who has begun a chat about it.
pub struct Stage {
    pub app: TestApp,
    pub creator: User,
    pub reader: User,
    pub nano: String,
    pub chat: String,
}

/// A draft that is on the shelf at once: chats look at its status alone.
pub async fn published(app: &TestApp, creator: &User, title: &str) -> String {
    let nano = creator.draft(app, title).await;
    let id: uuid::Uuid = nano.parse().unwrap();
    sqlx::query("UPDATE nanos SET status = 'published', published_at = UTC_TIMESTAMP(6) WHERE id = ?")
        .bind(id)
        .execute(app.db.pool())
        .await
        .unwrap();
    nano
}

pub async fn begin(app: &TestApp, reader: &User, nano: &str) -> String {
    let begun = reader.post(app, "/api/v1/chats", &json!({"nano_id": nano})).await;
    begun.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned()
}

impl Stage {
    pub async fn start() -> Self {
        Self::start_with(Overrides::default()).await
    }

    pub async fn start_with(overrides: Overrides) -> Self {
        let app = TestApp::start_with(overrides).await;
        let creator = app.creator("ada").await;
        let reader = app.user("bea", Role::Consumer).await;
        let nano = published(&app, &creator, "Pivot tables").await;
        let chat = begin(&app, &reader, &nano).await;
        Self { app, creator, reader, nano, chat }
    }

    pub fn path(&self, tail: &str) -> String {
        format!("/api/v1/chats/{}{tail}", self.chat)
    }

    pub async fn send(&self, who: &User, text: &str) -> Answer {
        who.post(&self.app, &self.path("/messages"), &json!({"text": text})).await
    }

    /// What this person sees of the chat.
    pub async fn seen_by(&self, who: &User) -> Value {
        who.get(&self.app, &self.path("")).await.data(StatusCode::OK).clone()
    }

    /// The numbers of the messages on a page.
    pub async fn numbers(&self, query: &str) -> Vec<u64> {
        let page = self.reader.get(&self.app, &self.path(&format!("/messages{query}"))).await;
        let list = page.data(StatusCode::OK).as_array().unwrap();
        list.iter().map(|message| message["seq"].as_u64().unwrap()).collect()
    }

    pub async fn read(&self, who: &User, seq: u32) -> Answer {
        let request = who.request(&self.app, Method::PUT, &self.path("/read"));
        answer(request.json(&json!({"seq": seq}))).await
    }

    /// A socket of this person at the test's own API.
    pub async fn talk(&self, who: &User, after: Option<u32>) -> Talk {
        Talk::begin(&self.app.url, &self.chat, &who.token, after).await
    }

    /// Messages of the creator that are there, whatever limits say. Nobody is told.
    pub async fn fill(&self, count: usize, text: &str) {
        let id: ChatId = self.chat.parse().unwrap();
        let sender: UserId = self.creator.id.parse().unwrap();
        let mut tx = self.app.db.begin().await.unwrap();
        for _ in 0..count {
            let chat = chat_sessions::lock(&mut tx, id).await.unwrap().unwrap();
            chat_messages::append(&mut tx, &chat, sender, MessageId::new(), text, Utc::now()).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}
