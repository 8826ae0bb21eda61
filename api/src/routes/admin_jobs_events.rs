//! The live pages' stream (server-sent events): queues, workers and failures, whenever they change.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use chrono::{DateTime, Utc};
use db::Db;
use domain::user::Permission;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use infra::db::users;
use queue::ledger::stats::error_groups;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::{admin_jobs_errors::ErrorGroup, admin_jobs_queues, admin_jobs_workers};
use crate::{
    code::Code,
    error::Error,
    extract::{CurrentUser, JobsRead, RequirePermission, StrictQuery},
    fields::{self, Fields, Input},
    live::{Look, Mark, Topic},
    state::AppState,
};

/// Below the idle timeout of 60 s of load balancers.
const PING: Duration = Duration::from_secs(25);
/// How often the stream asks whether its reader may still read.
const RECHECK: Duration = Duration::from_secs(15);
/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);
/// Groups of failures in a snapshot, last seen first.
const GROUPS: u32 = 20;
/// A worker's memory is news in steps of this many bytes.
const MEMORY_STEP: u64 = 16 << 20;

/// What to follow.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct EventsParams {
    /// Some of `queues`, `workers`, `errors`; all by default.
    #[param(example = "queues,workers")]
    topics: Option<String>,
}

pub struct EventsQuery {
    topics: Vec<Topic>,
}

impl Input for EventsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let topics = fields.optional("topics", fields::words);
        Some(Self { topics: topics.unwrap_or_else(|| Topic::ALL.to_vec()) })
    }
}

/// Snapshots of the queues, the workers and the newest 20 groups of failures: each as it is now, and again whenever it
/// changes (within about 2 s). Each event is the whole of its topic, so a client replaces what it has. With
/// `Last-Event-ID` only what differs from what the client has is sent, from whichever server. Ends when the right to
/// read it ends, and when the server stops; clients come back by themselves.
#[utoipa::path(get, path = "/admin/jobs/events", tag = "admin jobs",
    params(EventsParams, ("Last-Event-ID" = Option<String>, Header, description = "The last event seen")),
    security(("bearer" = [])),
    responses((status = 200, description = "`event: queues`, `workers` or `errors`; `data`: what \
        `/admin/jobs/queues`, `/admin/jobs/workers` or `/admin/jobs/errors` has as `data`",
        content_type = "text/event-stream", body = String)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])), ("x-permission" = json!("jobs:read"))))]
pub async fn stream(
    State(state): State<AppState>,
    RequirePermission { user, .. }: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let last = headers.get(HeaderName::from_static("last-event-id")).and_then(|value| value.to_str().ok());
    let seen = last.map(Seen::read).unwrap_or_default();
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(follow(state, user, query.topics, seen, sender));
    let keep_alive = KeepAlive::new().interval(PING).text("ping");
    let mut response = Sse::new(ReceiverStream::new(receiver)).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// What a client has of each topic: the id of its last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen([Option<Mark>; Topic::ALL.len()]);

impl Seen {
    /// Three marks of 8 hexadecimal digits, or `-`; anything else has seen nothing.
    fn read(text: &str) -> Self {
        let mut seen = Self::default();
        for (place, mark) in seen.0.iter_mut().zip(text.trim().split('.')) {
            *place = hex::decode(mark).ok().and_then(|bytes| bytes.try_into().ok());
        }
        seen
    }

    fn id(&self) -> String {
        self.0.map(|mark| mark.map_or_else(|| "-".to_owned(), hex::encode)).join(".")
    }
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

async fn follow(state: AppState, user: CurrentUser, topics: Vec<Topic>, mut seen: Seen, sender: Sender) {
    let mut snapshots = state.live.listen(&state.db, &state.clock);
    let mut recheck = Instant::now() + RECHECK;
    if sender.send(Ok(Event::default().retry(RETRY).comment("events"))).await.is_err() {
        return;
    }
    loop {
        let current = snapshots.borrow_and_update().clone();
        for (place, topic) in Topic::ALL.iter().enumerate().filter(|(_, topic)| topics.contains(topic)) {
            let Some(snapshot) = current[place].as_ref().filter(|snapshot| seen.0[place] != Some(snapshot.mark)) else {
                continue;
            };
            seen.0[place] = Some(snapshot.mark);
            let event = Event::default().id(seen.id()).event(topic.as_str()).data(&*snapshot.data);
            tokio::select! {
                sent = sender.send(Ok(event)) => if sent.is_err() { return },
                () = state.stopping.cancelled() => return,
            }
        }
        tokio::select! {
            () = state.stopping.cancelled() => return,
            () = sender.closed() => return,
            changed = snapshots.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(recheck) => {}
        }
        if Instant::now() >= recheck {
            if access_ended(&state, &user).await {
                return;
            }
            recheck = Instant::now() + RECHECK;
        }
    }
}

/// Whether the reader was signed out or switched off, or lost the right. While the database cannot say, nobody is
/// thrown out.
async fn access_ended(state: &AppState, user: &CurrentUser) -> bool {
    let Ok(access) = users::access(&state.db, user.id, user.session).await else { return false };
    !access.is_some_and(|access| {
        access.session_live && access.status.may_sign_in() && access.role.allows(Permission::JobsRead)
    })
}

/// A look at one topic.
pub(crate) async fn view(topic: Topic, db: &Db, now: DateTime<Utc>) -> Look {
    match topic {
        Topic::Queues => {
            let shown = json(&admin_jobs_queues::live(db, now).await?)?;
            Ok((shown.clone(), shown))
        }
        Topic::Workers => {
            let mut workers = admin_jobs_workers::live(db).await?;
            let shown = json(&workers)?;
            // A sign of life each second is no news.
            for worker in &mut workers {
                worker.seen_at = worker.started_at;
                worker.memory_bytes = worker.memory_bytes.map(|bytes| bytes / MEMORY_STEP);
            }
            Ok((shown, json(&workers)?))
        }
        Topic::Errors => {
            let (groups, _) = error_groups::page(db, &error_groups::Filter::default(), None, GROUPS).await?;
            let shown = json(&groups.into_iter().map(ErrorGroup::from).collect::<Vec<_>>())?;
            Ok((shown.clone(), shown))
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_says_what_its_reader_has() {
        let seen = Seen([Some([1, 2, 3, 4]), None, Some([0xff; 4])]);
        assert_eq!(seen.id(), "01020304.-.ffffffff");
        assert_eq!(Seen::read(&seen.id()), seen);
        for strange in ["", "what?", "17", "..", "zz.zz.zz.zz.zz"] {
            assert_eq!(Seen::read(strange), Seen::default(), "{strange}");
        }
    }
}
