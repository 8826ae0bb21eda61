//! What happens to a nano, as a stream (server-sent events): first what the client has missed, then live.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use chrono::SecondsFormat;
use domain::ids::NanoId;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use infra::{
    cache::Hint,
    db::{nano_events, nanos, users},
};
use serde_json::json;
use tokio::{
    sync::{broadcast, mpsc},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    code::Code,
    error::Error,
    extract::{CurrentUser, Path},
    state::AppState,
};

/// Below the idle timeout of 60 s of load balancers.
const PING: Duration = Duration::from_secs(25);
/// How long a lost hint can delay an event.
const POLL: Duration = Duration::from_secs(1);
/// How often the stream asks whether its reader may still read.
const RECHECK: Duration = Duration::from_secs(15);
/// Events read at once.
const BATCH: u32 = 100;
/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);

/// A nano's events, for its creator and the moderators. Each has a number as its id; with `Last-Event-ID` the stream
/// goes on after that number without loss or repeats, without it from the beginning. Ends when the right to read it
/// ends, and when the server stops; clients come back by themselves.
#[utoipa::path(get, path = "/nanos/{id}/events", tag = "nanos",
    params(("id" = Uuid, Path,), ("Last-Event-ID" = Option<u64>, Header, description = "The last event seen")),
    security(("bearer" = [])),
    responses((status = 200, description = "`event: <kind>`, `data: {seq, kind, data, created_at}`",
        content_type = "text/event-stream", body = String)),
    extensions(("x-errors" = json!([Code::NotFound]))))]
pub async fn stream(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<NanoId>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let nano = nanos::get(&state.db, id).await?.filter(|nano| user.sees_private(nano));
    nano.ok_or_else(Error::not_found)?;
    let last = headers.get(HeaderName::from_static("last-event-id")).and_then(|value| value.to_str().ok());
    let after = last.and_then(|value| value.trim().parse().ok()).unwrap_or(0);

    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(follow(state, user, id, after, sender));
    let keep_alive = KeepAlive::new().interval(PING).text("ping");
    let mut response = Sse::new(ReceiverStream::new(receiver)).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

async fn follow(state: AppState, user: CurrentUser, id: NanoId, mut after: u64, sender: Sender) {
    // Subscribed before the first read, so nothing falls between.
    let mut hints = state.hints.subscribe();
    let mut recheck = Instant::now() + RECHECK;
    if sender.send(Ok(Event::default().retry(RETRY).comment("events"))).await.is_err() {
        return;
    }
    loop {
        // A database that is away delays events; it does not end the stream.
        let events = nano_events::since(&state.db, id, after, BATCH).await.unwrap_or_default();
        let full = events.len() == BATCH as usize;
        for event in events {
            let data = json!({
                "seq": event.seq,
                "kind": event.kind,
                "data": event.data,
                "created_at": event.created_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            });
            after = event.seq;
            let event = Event::default().id(event.seq.to_string()).event(event.kind).data(data.to_string());
            tokio::select! {
                sent = sender.send(Ok(event)) => if sent.is_err() { return },
                () = state.stopping.cancelled() => return,
            }
        }
        if full {
            continue;
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
            () = hinted(&mut hints, id) => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Returns when there may be something new; never, when no hints can come any more.
async fn hinted(hints: &mut broadcast::Receiver<Hint>, id: NanoId) {
    loop {
        match hints.recv().await {
            Ok(Hint::Nano(nano)) if nano != id => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Whether the reader was signed out or switched off, or may no longer see the nano. While the database cannot say,
/// nobody is thrown out.
async fn access_ended(state: &AppState, user: &CurrentUser, id: NanoId) -> bool {
    let (Ok(access), Ok(nano)) =
        (users::access(&state.db, user.id, user.session).await, nanos::get(&state.db, id).await)
    else {
        return false;
    };
    let may = access.zip(nano).is_some_and(|(access, nano)| {
        let user = CurrentUser { role: access.role, ..*user };
        access.session_live && access.status.may_sign_in() && user.sees_private(&nano)
    });
    !may
}
