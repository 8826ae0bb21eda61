//! Health, readiness, build and keys, for those who run the service.

use std::{
    fmt::Display,
    future::Future,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use infra::db::write_probe;
use jsonwebtoken::jwk::JwkSet;
use queue::ledger::workers;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::state::AppState;

/// A service that takes longer counts as away. Shorter than the 2 s that load balancers commonly wait for an answer.
const PATIENCE: Duration = Duration::from_millis(1500);
/// An answer is good for this long.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    pub status: &'static str,
}

/// Whether the process answers; says nothing about the services it needs.
#[utoipa::path(get, path = "/health", tag = "ops", responses((status = 200, description = "Alive", body = Health)))]
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

#[derive(Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `degraded` (something is missing that the API can do without), `unavailable` (the database is away, or
    /// takes no writes), or `stopping` (the process was told to end: send it no more requests).
    #[schema(example = "ready")]
    pub status: &'static str,
    /// `away` also when it answers and takes no writes.
    pub database: &'static str,
    /// The cache's Redis.
    pub redis: &'static str,
    /// The queue's Redis. While it is away, jobs run from the ledger alone.
    pub queue: &'static str,
    pub storage: &'static str,
    pub search: &'static str,
    /// Workers with a heartbeat; none while the database is away. Without any, what is uploaded waits.
    #[schema(example = 2)]
    pub workers: u64,
    /// Those of them that cannot wholly confine what reads hostile files, because their machine lacks Landlock or seccomp:
    /// `GET /api/v1/admin/workers` says which and what is missing.
    #[schema(example = 0)]
    pub unconfined_workers: u64,
}

/// What `/ready` found last, and when: asked at most once a second, however many load balancers ask.
#[derive(Default)]
pub struct LastReadiness(Mutex<Option<(Instant, Readiness)>>);

impl LastReadiness {
    async fn of(&self, state: &AppState) -> Readiness {
        // Held while the services are asked: who comes meanwhile waits for the same answer.
        let mut last = self.0.lock().await;
        if let Some((at, services)) = &*last
            && at.elapsed() < FRESH
        {
            return services.clone();
        }
        let services = ask(state).await;
        *last = Some((Instant::now(), services.clone()));
        services
    }
}

/// Whether requests can be served, with each service's state: `ok` or `away`. A load balancer should ask this.
#[utoipa::path(get, path = "/ready", tag = "ops", responses(
    (status = 200, description = "Ready, possibly degraded", body = Readiness),
    (status = 503, description = "The database is away or takes no writes, or the process is stopping", body = Readiness)))]
pub async fn ready(State(state): State<AppState>) -> Response {
    let mut services = state.readiness.of(&state).await;
    if state.leaving.is_cancelled() || state.stopping.is_cancelled() {
        services.status = "stopping";
    }
    let served = matches!(services.status, "ready" | "degraded");
    let code = if served { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(services)).into_response()
}

async fn ask(state: &AppState) -> Readiness {
    let (written, workers, redis, queue, storage, search) = tokio::join!(
        answers("database", write_probe::write(&state.db)),
        asked("workers", workers::alive_and_unconfined(&state.db)),
        async { state.cache.ping().await },
        answers("queue", state.ready.ping()),
        answers("storage", state.storage.ping()),
        answers("search", state.search.ping()),
    );
    let word = |up: bool| if up { "ok" } else { "away" };
    let database = written && workers.is_some();
    let status = match (database, redis && queue && storage && search) {
        (false, _) => "unavailable",
        (true, true) => "ready",
        (true, false) => "degraded",
    };
    Readiness {
        status,
        database: word(database),
        redis: word(redis),
        queue: word(queue),
        storage: word(storage),
        search: word(search),
        workers: workers.map_or(0, |(alive, _)| alive),
        unconfined_workers: workers.map_or(0, |(_, unconfined)| unconfined),
    }
}

async fn answers<E: Display>(name: &str, ping: impl Future<Output = Result<(), E>>) -> bool {
    asked(name, ping).await.is_some()
}

async fn asked<T, E: Display>(name: &str, question: impl Future<Output = Result<T, E>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(service = name, %error, "not ready");
            None
        }
        Err(_) => None,
    }
}

#[derive(Serialize, ToSchema)]
pub struct Build {
    pub name: &'static str,
    pub version: &'static str,
    /// The commit it was built from, when the build knew it.
    pub commit: Option<&'static str>,
}

/// Which build this is.
#[utoipa::path(get, path = "/version", tag = "ops",
    responses((status = 200, description = "The build", body = Build)))]
pub async fn version() -> Json<Build> {
    Json(Build {
        name: "nano-api",
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("GIT_COMMIT").filter(|commit| !commit.is_empty()),
    })
}

/// The public keys that access tokens can be checked with (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "ops",
    responses((status = 200, description = "The keys", body = Value)))]
pub async fn jwks(State(state): State<AppState>) -> Response {
    let keys: &JwkSet = state.keys.published();
    ([(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))], Json(json!(keys))).into_response()
}
