//! A job's state as a stream: where it stands, and every change of it until it has ended.

use std::time::Duration;

use axum::{
    extract::State,
    response::{IntoResponse, Response, sse::Event},
};
use domain::user::Permission;
use http::StatusCode;
use queue::{
    ids::JobId,
    ledger::{self as ledger, JobRow},
};
use sha2::{Digest, Sha256};

use super::job::visible;
use crate::{
    reply::{Code, Error},
    request::{CurrentUser, Path},
    state::AppState,
    stream::{self, Ended, Feed, LastEventId},
    views::Job,
};

/// How often the row is looked at; progress is stored at most once a second.
const LOOK: Duration = Duration::from_millis(500);

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
    LastEventId(seen): LastEventId,
) -> Result<Response, Error> {
    let row = visible(&state, &user, id).await?;
    if row.state.is_terminal() && seen.as_deref() == snapshot(row, &user).map(|(id, _)| id).as_deref() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    stream::open(state.clone(), user, |feed| follow(state, feed, user, id, seen))
}

async fn follow(
    state: AppState,
    mut feed: Feed,
    user: CurrentUser,
    id: JobId,
    mut seen: Option<String>,
) -> Result<(), Ended> {
    loop {
        // A database that is away delays events; it does not end the stream. A row that was pruned does.
        match ledger::get(&state.db, id).await {
            Ok(None) => return Ok(()),
            Ok(Some(row)) => {
                let ended = row.state.is_terminal();
                let Some((now, data)) = snapshot(row, &user) else { return Ok(()) };
                if seen.as_ref() != Some(&now) {
                    let event = Event::default().id(now.clone()).event("job").data(data);
                    seen = Some(now);
                    feed.send(event).await?;
                }
                if ended {
                    return Ok(());
                }
            }
            Err(error) => tracing::debug!(%error, "a job's event stream waits for the database"),
        }
        feed.check(async |user| !matches!(visible(&state, &user, id).await, Err(Error::Refused(_)))).await?;
        feed.wait(tokio::time::sleep(LOOK)).await?;
    }
}

/// What is said of the job, and the id that stands for exactly that.
fn snapshot(row: JobRow, user: &CurrentUser) -> Option<(String, String)> {
    let full = user.allows(Permission::JobsRead);
    let data = serde_json::to_string(&Job::of(row, full)).ok()?;
    Some((hex::encode(&Sha256::digest(&data)[..12]), data))
}
