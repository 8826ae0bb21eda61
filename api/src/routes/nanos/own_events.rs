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
use tokio::{sync::broadcast, time::Instant};

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
/// others from now on. With `Last-Event-ID` it goes on where everything was told and tells the half minute before that again:
/// several events may have one id, and `nano_id` and `seq` say which event it is. A page that shows a nano need not follow it by
/// itself. Ends when you are signed out, and when the server stops; clients come back by themselves.
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
    let last = last.as_deref().and_then(place);
    let creator = user.id;
    stream::open(state.clone(), user, |feed| follow(state, feed, creator, last))
}

/// The place that an id says, in microseconds. Other years than a column can hold were never given out; 0 is the id of events
/// before the first place.
fn place(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::from_timestamp_micros(text.parse().ok()?)?;
    (1971..=9999).contains(&at.year()).then_some(at)
}

/// What a stream has told.
struct Told {
    /// Up to which event of each nano; none before the first look.
    nanos: Option<HashMap<NanoId, u64>>,
    /// When the last look began of which everything was told. It is the id of the events, and not their own time: nanos are
    /// told one after the other, and whoever is cut off among them must get the older events of the others, too.
    place: Option<DateTime<Utc>>,
}

async fn follow(state: AppState, mut feed: Feed, creator: UserId, last: Option<DateTime<Utc>>) -> Result<(), Ended> {
    // Subscribed before the first read, so nothing falls between.
    let mut hints = state.hints.subscribe();
    let now = state.clock.now();
    let mut told = Told { nanos: None, place: last.map(|last| last.min(now)) };
    let mut asked = None;
    let mut next_look = Instant::now();
    loop {
        match asked.take() {
            Some(nano) if Instant::now() < next_look => {
                let place = told.place;
                tell(&state.db, &feed, nano, &mut told, place).await?;
            }
            // Its time comes however many hints do.
            _ => {
                next_look = Instant::now() + POLL;
                catch_up(&state.db, &feed, creator, &mut told, state.clock.now()).await?;
            }
        }
        feed.check(async |_| true).await?;
        let news = async { tokio::time::timeout_at(next_look, hinted(&mut hints, told.nanos.as_ref())).await };
        asked = feed.wait(news).await?.unwrap_or(None);
    }
}

/// Tells everything that was not told. A database that is away delays events; it does not end the stream.
async fn catch_up(db: &Db, feed: &Feed, creator: UserId, told: &mut Told, began: DateTime<Utc>) -> Result<(), Ended> {
    let Ok(Look { gone, ahead }) = look(db, creator, told).await else { return Ok(()) };
    let before = told.place;
    let reached = before.max(Some(began));
    let mut all = true;
    for nano in gone {
        if tell(db, feed, nano, told, before).await? {
            told.nanos.get_or_insert_default().remove(&nano);
        } else {
            all = false;
        }
    }
    for (n, nano) in (1..).zip(&ahead) {
        let end = if all && n == ahead.len() { reached } else { before };
        all &= tell(db, feed, *nano, told, end).await?;
    }
    if all {
        told.place = reached;
    }
    Ok(())
}

/// Nanos that may have events that were not told.
struct Look {
    /// Those that are deleted now: their last events are told, and then they are forgotten.
    gone: Vec<NanoId>,
    ahead: Vec<NanoId>,
}

async fn look(db: &Db, creator: UserId, told: &mut Told) -> Result<Look, DbError> {
    let heads: HashMap<NanoId, u64> = nano_events::heads(db, creator, NANOS).await?.into_iter().collect();
    if told.nanos.is_none() {
        let since = told.place.map(|place| place - OVERLAP);
        told.nanos = Some(beginning(db, creator, &heads, since).await?);
    }
    let nanos = told.nanos.get_or_insert_default();
    let up_to = |id: &NanoId| nanos.get(id).copied().unwrap_or(0);
    Ok(Look {
        gone: nanos.keys().filter(|id| !heads.contains_key(*id)).copied().collect(),
        ahead: heads.iter().filter(|&(id, head)| *head > up_to(id)).map(|(id, _)| *id).collect(),
    })
}

/// Up to where each nano counts as told when the stream begins.
async fn beginning(
    db: &Db,
    creator: UserId,
    heads: &HashMap<NanoId, u64>,
    since: Option<DateTime<Utc>>,
) -> Result<HashMap<NanoId, u64>, DbError> {
    let mut told = heads.clone();
    match since {
        Some(since) => {
            let ids: Vec<NanoId> = heads.keys().copied().collect();
            for (id, first) in nano_events::first_since(db, &ids, since).await? {
                told.insert(id, first.saturating_sub(1));
            }
        }
        None => {
            for id in nano_events::on_their_way(db, creator).await? {
                // One that is too old to be followed stays out.
                told.entry(id).and_modify(|up_to| *up_to = 0);
            }
        }
    }
    Ok(told)
}

/// Everything of a nano that was not told; false when the database did not say all of it. `end`: the place once it is told.
async fn tell(db: &Db, feed: &Feed, nano: NanoId, told: &mut Told, end: Option<DateTime<Utc>>) -> Result<bool, Ended> {
    let before = told.place;
    let nanos = told.nanos.get_or_insert_default();
    loop {
        let after = nanos.get(&nano).copied().unwrap_or(0);
        let Ok(events) = nano_events::since(db, nano, after, BATCH).await else { return Ok(false) };
        let full = events.len() == BATCH as usize;
        let last = events.last().map(|event| event.seq).filter(|_| !full);
        for event in events {
            let data = json!({
                "nano_id": nano,
                "seq": event.seq,
                "kind": event.kind,
                "data": event.data,
                "created_at": event.created_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            });
            nanos.insert(nano, event.seq);
            let place = if last == Some(event.seq) { end } else { before };
            let id = place.map_or(0, |place| place.timestamp_micros()).to_string();
            feed.send(Event::default().id(id).event(event.kind).data(data.to_string())).await?;
        }
        if !full {
            return Ok(true);
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
