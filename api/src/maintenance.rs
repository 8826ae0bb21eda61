//! The read-only maintenance mode, as this process knows it: asked for again by the first request that needs it after a second.

use std::{sync::Arc, time::Duration};

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
use tokio::{
    sync::{Mutex, OwnedMutexGuard, watch},
    time::Instant,
};

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

/// How long a request waits to hear of it: a database that is slow to say takes this of a request's time and not all of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found last.
#[derive(Clone, Default)]
struct Known {
    at: Option<Instant>,
    mode: Option<Mode>,
    /// How often this process has changed it: what was asked before counts for nothing after.
    changes: u64,
}

impl Known {
    fn is_fresh(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < BELIEVED)
    }
}

pub struct Maintenance {
    known: watch::Sender<Known>,
    /// Held by the one who asks.
    asking: Arc<Mutex<()>>,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { known: watch::Sender::new(Known::default()), asking: Arc::default() }
    }
}

impl Maintenance {
    /// The mode, if it is on. One asks, and all who come meanwhile hear its answer. While the database is away, or takes longer than
    /// a request waits, it is as it was.
    pub async fn current(&self, db: &Db) -> Option<Mode> {
        let mut known = self.known.subscribe();
        let until_known = async {
            loop {
                let seen = known.borrow_and_update().clone();
                if seen.is_fresh() {
                    return;
                }
                if let Ok(asking) = self.asking.clone().try_lock_owned() {
                    // A task of its own: whoever stops waiting must not stop the statement.
                    tokio::spawn(ask(self.known.clone(), seen.changes, db.clone(), asking));
                }
                // Fails only without a sender, and this is one.
                let _ = known.changed().await;
            }
        };
        if tokio::time::timeout(PATIENCE, until_known).await.is_err() {
            tracing::debug!("whether there is maintenance takes long to learn");
        }
        self.known.borrow().mode.clone()
    }

    /// This process has changed it.
    pub fn forget(&self) {
        self.known.send_modify(|known| {
            known.at = None;
            known.changes += 1;
        });
    }
}

/// Looks, and tells those who wait.
async fn ask(known: watch::Sender<Known>, changes: u64, db: Db, asking: OwnedMutexGuard<()>) {
    let found = maintenance_mode::get(&db).await;
    // Whoever finds it old from here on asks themselves.
    drop(asking);
    known.send_modify(|known| {
        if known.changes != changes {
            return;
        }
        known.at = Some(Instant::now());
        match found {
            Ok(mode) => known.mode = mode,
            Err(error) => tracing::debug!(%error, "whether there is maintenance is not known"),
        }
    });
}

/// Refuses what would change something while the mode is on. What has begun goes on to its end. Reads that note something down
/// do without, or are refused by their handlers where the note must not be missing.
pub async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let path = request.uri().path();
    if reads || !path.starts_with("/api/") || GO_ON.contains(&path) {
        return next.run(request).await;
    }
    let Some(mode) = state.maintenance.current(&state.db).await else { return next.run(request).await };
    refused(&mode).into_response()
}

/// 503 that says why and for how long.
pub fn refused(mode: &Mode) -> Error {
    metrics::counter!("requests_in_maintenance_total").increment(1);
    let since = mode.began_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let wait = Duration::from_secs(mode.retry_after_seconds.into());
    Error::after(Code::Maintenance, json!({"reason": mode.reason, "since": since}), wait)
}
