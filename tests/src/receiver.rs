//! A receiver of webhooks: an HTTP endpoint that keeps what it is sent, and answers as a test wants.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

/// What a request is answered with.
#[derive(Clone, Debug)]
pub enum Reaction {
    Status(u16),
    /// Too many requests: again after so many seconds.
    Later(u64),
    /// To another path of this receiver.
    Redirect,
    /// Nothing, for as long as the test goes on.
    Silence,
    /// A status, and this text.
    Says(u16, String),
    /// 200, and bytes without end.
    Endless,
    /// 200, and a beginning after which nothing comes.
    Unfinished,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Whether one of the signatures is that of this secret (`whsec_…`), as receivers are told to compute it.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        mac.update(self.header("webhook-id").as_bytes());
        mac.update(b".");
        mac.update(self.header("webhook-timestamp").as_bytes());
        mac.update(b".");
        mac.update(&self.body);
        let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == wanted)
    }
}

#[derive(Default)]
struct Kept {
    received: Vec<Received>,
    reactions: VecDeque<Reaction>,
}

/// Listens until it is dropped.
pub struct Receiver {
    pub url: String,
    kept: Arc<Mutex<Kept>>,
    stop: CancellationToken,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/alerts", listener.local_addr().expect("an address"));
        let (kept, stop) = (Arc::<Mutex<Kept>>::default(), CancellationToken::new());
        let router = Router::new().fallback(take).with_state(kept.clone());
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(serving.into_future());
        Self { url, kept, stop }
    }

    /// The next requests are answered so, one by one, and all others with 204.
    pub fn react(&self, reactions: impl IntoIterator<Item = Reaction>) {
        lock(&self.kept).reactions = reactions.into_iter().collect();
    }

    /// Everything so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.kept).received.clone()
    }

    /// Waits for this many requests.
    pub async fn wait_for(&self, requests: usize, limit: Duration) -> Vec<Received> {
        let started = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= requests {
                return received;
            }
            assert!(started.elapsed() < limit, "{requests} requests were expected: {received:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(kept): State<Arc<Mutex<Kept>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let reaction = {
        let mut kept = lock(&kept);
        kept.received.push(Received { path: uri.path().to_owned(), headers, body });
        kept.reactions.pop_front().unwrap_or(Reaction::Status(204))
    };
    match reaction {
        Reaction::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Reaction::Later(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Reaction::Redirect => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response(),
        Reaction::Silence => std::future::pending().await,
        Reaction::Says(status, text) => (StatusCode::from_u16(status).expect("a status"), text).into_response(),
        Reaction::Endless => {
            let bytes = Bytes::from_static(&[b'x'; 1 << 14]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(bytes.clone()))).into_response()
        }
        Reaction::Unfinished => {
            let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"It begins"))]);
            Body::from_stream(first.chain(stream::pending())).into_response()
        }
    }
}
