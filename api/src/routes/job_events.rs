//! A job's state as a stream (server-sent events): where it stands, and every change of it until it has ended.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use infra::db::users;
use queue::{
    ids::JobId,
    ledger::{self as ledger, JobRow},
};
use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    code::Code,
    error::Error,
    extract::{CurrentUser, Path},
    routes::jobs::visible,
    state::AppState,
    views::Job,
};

/// Below the idle timeout of 60 s of load balancers.
const PING: Duration = Duration::from_secs(25);
/// How often the row is looked at; progress is stored at most once a second.
const LOOK: Duration = Duration::from_millis(500);
/// How often the stream asks whether its reader may still read.
const RECHECK: Duration = Duration::from_secs(15);
/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);

/// A job's state and progress, for its owner and for those who may see all jobs: at once, and again whenever they
/// change. An event's id stands for what it says, so a client that comes back with `Last-Event-ID` gets nothing twice
/// and never misses the newest state. Ends once the job has ended, when the right to read it ends, and when the server
/// stops. Who has seen the end already gets 204, which tells an `EventSource` to stop coming back.
#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs",
    params(("id" = uuid::Uuid, Path,), ("Last-Event-ID" = Option<String>, Header, description = "The last event seen")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`event: job`, `data:` the job, as in `GET /jobs/{id}`",
            content_type = "text/event-stream", body = String),
        (status = 204, description = "The job has ended, and `Last-Event-ID` is the event that said so")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("owner/jobs:read"))))]
pub async fn stream(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<JobId>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let row = visible(&state, &user, id).await?;
    let last = headers.get(HeaderName::from_static("last-event-id")).and_then(|value| value.to_str().ok());
    let seen = last.map(|value| value.trim().to_owned());
    if row.state.is_terminal() && seen.as_deref() == snapshot(row, &user).map(|(id, _)| id).as_deref() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(follow(state, user, id, seen, sender));
    let keep_alive = KeepAlive::new().interval(PING).text("ping");
    let mut response = Sse::new(ReceiverStream::new(receiver)).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

async fn follow(state: AppState, user: CurrentUser, id: JobId, mut seen: Option<String>, sender: Sender) {
    let mut recheck = Instant::now() + RECHECK;
    if sender.send(Ok(Event::default().retry(RETRY).comment("events"))).await.is_err() {
        return;
    }
    loop {
        // A database that is away delays events; it does not end the stream. A row that was pruned does.
        match ledger::get(&state.db, id).await {
            Ok(None) => return,
            Ok(Some(row)) => {
                let ended = row.state.is_terminal();
                let Some((now, data)) = snapshot(row, &user) else { return };
                if seen.as_ref() != Some(&now) {
                    let event = Event::default().id(now.clone()).event("job").data(data);
                    seen = Some(now);
                    tokio::select! {
                        sent = sender.send(Ok(event)) => if sent.is_err() { return },
                        () = state.stopping.cancelled() => return,
                    }
                }
                if ended {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "a job's event stream waits for the database"),
        }
        if Instant::now() >= recheck {
            if access_ended(&state, &user, id).await {
                return;
            }
            recheck = Instant::now() + RECHECK;
        }
        tokio::select! {
            () = state.stopping.cancelled() => return,
            () = sender.closed() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// What is said of the job, and the id that stands for exactly that.
fn snapshot(row: JobRow, user: &CurrentUser) -> Option<(String, String)> {
    let full = user.allows(domain::user::Permission::JobsRead);
    let data = serde_json::to_string(&Job::of(row, full)).ok()?;
    Some((hex::encode(&Sha256::digest(&data)[..12]), data))
}

/// Whether the reader was signed out or switched off, or may no longer see the job. While the database cannot say,
/// nobody is thrown out.
async fn access_ended(state: &AppState, user: &CurrentUser, id: JobId) -> bool {
    let Ok(access) = users::access(&state.db, user.id, user.session).await else { return false };
    let Some(access) = access.filter(|access| access.session_live && access.status.may_sign_in()) else { return true };
    let user = CurrentUser { role: access.role, ..*user };
    matches!(visible(state, &user, id).await, Err(Error::Refused(_)))
}
