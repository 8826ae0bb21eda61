//! A nano's events as a stream: first what the client has missed, then live.

use std::time::Duration;

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use chrono::SecondsFormat;
use domain::ids::NanoId;
use infra::{
    cache::Hint,
    db::{nano_events, nanos},
};
use serde_json::json;
use tokio::sync::broadcast;

use crate::{
    reply::{Code, Error},
    request::{CurrentUser, Path},
    state::AppState,
    stream::{self, Ended, Feed, LastEventId},
};

/// How long a lost hint can delay an event.
const POLL: Duration = Duration::from_secs(1);
/// Events read at once.
const BATCH: u32 = 100;

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
    LastEventId(last): LastEventId,
) -> Result<Response, Error> {
    let nano = nanos::get(&state.db, id).await?.filter(|nano| user.sees_private(nano));
    nano.ok_or_else(Error::not_found)?;
    let after = last.and_then(|value| value.parse().ok()).unwrap_or(0);
    stream::open(state.clone(), user, |feed| follow(state, feed, id, after))
}

async fn follow(state: AppState, mut feed: Feed, id: NanoId, mut after: u64) -> Result<(), Ended> {
    // Subscribed before the first read, so nothing falls between.
    let mut hints = state.hints.subscribe();
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
            feed.send(Event::default().id(event.seq.to_string()).event(event.kind).data(data.to_string())).await?;
        }
        if full {
            continue;
        }
        feed.check(async |user| match nanos::get(&state.db, id).await {
            Ok(nano) => nano.is_some_and(|nano| user.sees_private(&nano)),
            Err(_) => true,
        })
        .await?;
        let news = async { tokio::time::timeout(POLL, hinted(&mut hints, id)).await };
        let _: Result<(), _> = feed.wait(news).await?;
    }
}

/// Returns when there may be something new; never, when no hints can come any more.
async fn hinted(hints: &mut broadcast::Receiver<Hint>, id: NanoId) {
    loop {
        match hints.recv().await {
            Ok(Hint::Nano(nano)) if nano != id => {}
            Ok(Hint::Chat(..)) => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
