//! The live pages' stream: queues, workers and failures, whenever they change.

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use domain::user::{Permission, Words};
use utoipa::{IntoParams, openapi::Object};

use crate::{
    live::{Mark, Topic},
    reply::{Code, Error},
    request::{
        JobsRead, RequirePermission, StrictQuery,
        fields::{self, Fields, Input},
    },
    state::AppState,
    stream::{self, Ended, Feed, LastEventId},
    views::words,
};

fn topics() -> Object {
    words::list_of(Topic::WORDS, "By default queues, workers and errors.")
}

/// What to follow.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    #[param(schema_with = topics)]
    topics: Vec<Topic>,
}

impl Input for EventsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let topics = fields.optional("topics", fields::words);
        Some(Self { topics: topics.unwrap_or_else(|| vec![Topic::Queues, Topic::Workers, Topic::Errors]) })
    }
}

/// Snapshots of the queues, the workers, the newest 20 groups of failures and, on request, the overview: each as it is now,
/// and again whenever it changes (within about 2 s). Each event is the whole of its topic, so a client replaces what it has.
/// With `Last-Event-ID` only what differs from what the client has is sent, from whichever server. Ends when the right to
/// read it ends, and when the server stops; clients come back by themselves.
#[utoipa::path(get, path = "/admin/jobs/events", tag = "admin jobs",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last event seen")),
    security(("bearer" = [])),
    responses((status = 200, description = "`event: queues`, `workers`, `errors` or `overview`; `data`: what \
        `/admin/jobs/queues`, `/admin/jobs/workers`, `/admin/jobs/errors` or `/admin/overview` has as `data`",
        content_type = "text/event-stream", body = String)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])), ("x-permission" = json!("jobs:read"))))]
pub async fn stream(
    State(state): State<AppState>,
    RequirePermission { user, .. }: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<EventsQuery>,
    LastEventId(last): LastEventId,
) -> Result<Response, Error> {
    let seen = last.as_deref().map(Seen::read).unwrap_or_default();
    stream::open(state.clone(), user, |feed| follow(state, feed, query.topics, seen))
}

/// What a client has of each topic: the id of its last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen([Option<Mark>; Topic::ALL.len()]);

impl Seen {
    /// A mark of 8 hexadecimal digits, or `-`, for each topic; what is missing, as in ids of older releases, or anything else has
    /// seen nothing.
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

async fn follow(state: AppState, mut feed: Feed, topics: Vec<Topic>, mut seen: Seen) -> Result<(), Ended> {
    let mut snapshots = state.live.listen(&state.db);
    loop {
        let current = snapshots.borrow_and_update().clone();
        for (place, topic) in Topic::ALL.iter().enumerate().filter(|(_, topic)| topics.contains(topic)) {
            let Some(snapshot) = current[place].as_ref().filter(|snapshot| seen.0[place] != Some(snapshot.mark)) else {
                continue;
            };
            seen.0[place] = Some(snapshot.mark);
            feed.send(Event::default().id(seen.id()).event(topic.as_str()).data(&*snapshot.data)).await?;
        }
        let news = tokio::time::timeout_at(feed.next_check(), snapshots.changed());
        if let Ok(Err(_)) = feed.wait(news).await? {
            return Ok(());
        }
        feed.check(async |user| user.allows(Permission::JobsRead)).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_says_what_its_reader_has() {
        let seen = Seen([Some([1, 2, 3, 4]), None, Some([0xff; 4]), None]);
        assert_eq!(seen.id(), "01020304.-.ffffffff.-");
        assert_eq!(Seen::read("01020304.-.ffffffff"), seen, "of a release that knew three topics");
        assert_eq!(Seen::read(&seen.id()), seen);
        for strange in ["", "what?", "17", "..", "zz.zz.zz.zz.zz"] {
            assert_eq!(Seen::read(strange), Seen::default(), "{strange}");
        }
    }
}
