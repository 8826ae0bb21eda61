//! The events of all nanos of one person as one stream.

use std::{collections::HashMap, time::Duration};

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use db::{Db, DbError};
use domain::ids::{NanoId, UserId};
use infra::{cache::Hint, db::nano_events};
use serde_json::json;
use tokio::sync::broadcast;

use crate::{
    reply::Error,
    request::CurrentUser,
    state::AppState,
    stream::{self, Ended, Feed, LastEventId},
};

/// How long a lost hint can delay an event, and how long the first one of a new nano may take.
const POLL: Duration = Duration::from_secs(5);
/// Events of a nano read at once.
const BATCH: u32 = 100;
/// Nanos that are followed, the newest.
const NANOS: u32 = 500;
/// An event may be committed so much later than the time that it says: whoever comes back gets that much again.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);

/// What happens to your own nanos, the newest 500 of them: of those that a version is on its way of from the beginning, of the
/// others from now on. With `Last-Event-ID` it goes on where it was and tells the last half minute again: `nano_id` and `seq`
/// say which event it is. A page that shows a nano need not follow it by itself. Ends when you are signed out, and when the
/// server stops; clients come back by themselves.
#[utoipa::path(get, path = "/me/events", tag = "nanos",
    params(("Last-Event-ID" = Option<u64>, Header, description = "The last event seen")),
    security(("bearer" = [])),
    responses((status = 200, description = "`event: <kind>`, `data: {nano_id, seq, kind, data, created_at}`",
        content_type = "text/event-stream", body = String)),
    extensions(("x-errors" = json!([]))))]
pub async fn stream(
    State(state): State<AppState>,
    user: CurrentUser,
    LastEventId(last): LastEventId,
) -> Result<Response, Error> {
    let since = last.as_deref().and_then(place);
    let creator = user.id;
    stream::open(state.clone(), user, |feed| follow(state, feed, creator, since))
}

/// The time of the last event that was seen, in microseconds. Other years than a column can hold were never given out.
fn place(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::from_timestamp_micros(text.parse().ok()?)?;
    (1971..=9999).contains(&at.year()).then(|| at - OVERLAP)
}

async fn follow(state: AppState, mut feed: Feed, creator: UserId, since: Option<DateTime<Utc>>) -> Result<(), Ended> {
    // Subscribed before the first read, so nothing falls between.
    let mut hints = state.hints.subscribe();
    let mut told: Option<HashMap<NanoId, u64>> = None;
    let mut asked = None;
    loop {
        // A database that is away delays events; it does not end the stream.
        let ahead = match asked.take() {
            Some(nano) => vec![nano],
            None => look(&state.db, creator, since, &mut told).await.unwrap_or_default(),
        };
        for nano in ahead {
            tell(&state.db, &feed, nano, told.get_or_insert_default()).await?;
        }
        feed.check(async |_| true).await?;
        let news = async { tokio::time::timeout(POLL, hinted(&mut hints, told.as_ref())).await };
        asked = feed.wait(news).await?.unwrap_or(None);
    }
}

/// The nanos with events that were not told. `told`: up to which event each was; none before the first look.
async fn look(
    db: &Db,
    creator: UserId,
    since: Option<DateTime<Utc>>,
    told: &mut Option<HashMap<NanoId, u64>>,
) -> Result<Vec<NanoId>, DbError> {
    let heads = nano_events::heads(db, creator, NANOS).await?;
    if told.is_none() {
        let ids: Vec<NanoId> = heads.iter().map(|head| head.id).collect();
        let missed: HashMap<NanoId, u64> = match since {
            Some(since) => nano_events::first_since(db, &ids, since).await?.into_iter().collect(),
            None => HashMap::new(),
        };
        let begin = heads.iter().map(|head| {
            let up_to = match missed.get(&head.id) {
                Some(first) => first.saturating_sub(1),
                None if since.is_none() && head.moves => 0,
                None => head.event_seq,
            };
            (head.id, up_to)
        });
        *told = Some(begin.collect());
    }
    let up_to = |id: &NanoId| told.as_ref().and_then(|told| told.get(id)).copied().unwrap_or(0);
    Ok(heads.iter().filter(|head| head.event_seq > up_to(&head.id)).map(|head| head.id).collect())
}

/// Everything of a nano that was not told.
async fn tell(db: &Db, feed: &Feed, nano: NanoId, told: &mut HashMap<NanoId, u64>) -> Result<(), Ended> {
    loop {
        let after = told.get(&nano).copied().unwrap_or(0);
        let events = nano_events::since(db, nano, after, BATCH).await.unwrap_or_default();
        let full = events.len() == BATCH as usize;
        for event in events {
            let data = json!({
                "nano_id": nano,
                "seq": event.seq,
                "kind": event.kind,
                "data": event.data,
                "created_at": event.created_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            });
            told.insert(nano, event.seq);
            let id = event.created_at.timestamp_micros().to_string();
            feed.send(Event::default().id(id).event(event.kind).data(data.to_string())).await?;
        }
        if !full {
            return Ok(());
        }
    }
}

/// Returns when there may be something new of one of the nanos, or of any when that is not known; never, when no hints can
/// come any more.
async fn hinted(hints: &mut broadcast::Receiver<Hint>, told: Option<&HashMap<NanoId, u64>>) -> Option<NanoId> {
    loop {
        match hints.recv().await {
            Ok(Hint::Nano(nano)) if told.is_some_and(|told| told.contains_key(&nano)) => return Some(nano),
            Ok(Hint::Nano(_) | Hint::Chat(..)) => {}
            Ok(Hint::Resync) | Err(broadcast::error::RecvError::Lagged(_)) => return None,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
