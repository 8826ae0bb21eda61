//! The read-only maintenance mode, as this process knows it: asked for again by the first request that needs it after a second.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use db::Db;
use http::Method;
use infra::db::maintenance_mode::{self, Mode};
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    reply::{Code, Error},
    state::AppState,
};

/// How long an answer is believed: what is turned on anywhere holds everywhere after that.
const BELIEVED: Duration = Duration::from_secs(1);

/// Writes that go on: whoever reads stays signed in, and whoever has turned it on can turn it off.
pub const GO_ON: [&str; 6] = [
    "/api/v1/auth/login",
    "/api/v1/auth/passkeys/challenge",
    "/api/v1/auth/passkeys/login",
    "/api/v1/auth/logout",
    "/api/v1/auth/refresh-token",
    "/api/v1/admin/maintenance",
];

/// What was found last.
#[derive(Default)]
pub struct Maintenance(Mutex<Option<(Instant, Option<Mode>)>>);

impl Maintenance {
    /// The mode, if it is on. One request asks, the others wait for its answer. While the database is away it is as it was.
    pub async fn current(&self, db: &Db) -> Option<Mode> {
        let mut known = self.0.lock().await;
        if let Some((at, mode)) = known.as_ref()
            && at.elapsed() < BELIEVED
        {
            return mode.clone();
        }
        let mode = match maintenance_mode::get(db).await {
            Ok(mode) => mode,
            Err(error) => {
                tracing::debug!(%error, "whether there is maintenance is not known");
                known.take().and_then(|(_, mode)| mode)
            }
        };
        *known = Some((Instant::now(), mode.clone()));
        mode
    }

    /// This process has changed it.
    pub async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

/// Refuses what would change something while the mode is on. What has begun goes on to its end.
pub async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let path = request.uri().path();
    if reads || !path.starts_with("/api/") || GO_ON.contains(&path) {
        return next.run(request).await;
    }
    let Some(mode) = state.maintenance.current(&state.db).await else { return next.run(request).await };
    metrics::counter!("requests_in_maintenance_total").increment(1);
    let since = mode.began_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let wait = Duration::from_secs(mode.retry_after_seconds.into());
    Error::after(Code::Maintenance, json!({"reason": mode.reason, "since": since}), wait).into_response()
}
