//! Event streams, as one client reads them; reconnects are the test's.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::{TestApp, User, app::PATIENCE};

pub struct EventStream {
    response: Response,
    text: String,
}

#[derive(Debug)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub data: Value,
}

impl EventStream {
    /// Opens the stream at `path`, behind the event of the id `last`.
    pub async fn open(app: &TestApp, user: &User, path: &str, last: Option<&str>) -> Self {
        let mut request = user.request(app, Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Self::of(request.send().await.expect("an answer"))
    }

    /// The stream that this answer is.
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, text: String::new() }
    }

    /// The next event; `None` at the stream's end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    value.map(|value| value.trim().to_owned())
                };
                if let (Some(id), Some(kind), Some(data)) = (field("id"), field("event"), field("data")) {
                    return Some(Event { id, kind, data: serde_json::from_str(&data).expect("JSON") });
                }
            }
            if !self.read(PATIENCE).await {
                return None;
            }
        }
    }

    /// Waits for the comment that breaks a silence.
    pub async fn ping(&mut self, within: Duration) {
        while !self.text.contains(": ping") && !self.text.contains(":ping") {
            assert!(self.read(within).await, "the stream goes on");
        }
    }

    /// False at the stream's end.
    async fn read(&mut self, within: Duration) -> bool {
        let chunk = tokio::time::timeout(within, self.response.chunk()).await.expect("an event, a ping or the end");
        let Some(chunk) = chunk.expect("the connection holds") else { return false };
        self.text.push_str(&String::from_utf8_lossy(&chunk));
        true
    }
}
