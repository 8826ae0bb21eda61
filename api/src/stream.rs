//! Event streams (server-sent events): how each of them begins, goes on, is kept alive and ends.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use http::{HeaderName, HeaderValue, header, request::Parts};
use infra::db::users::Access;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

use crate::{auth::second_factor, reply::Error, request::CurrentUser, state::AppState};

/// Below the idle timeout of 60 s of load balancers.
const PING: Duration = Duration::from_secs(25);
/// How often a stream asks whether its reader may still read.
const RECHECK: Duration = Duration::from_secs(15);
/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);
/// Events that wait for a slow reader; then the follower waits, too.
const BUFFER: usize = 4;

/// What a client that comes back has seen last (`Last-Event-ID`).
pub struct LastEventId(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let last = parts.headers.get(HeaderName::from_static("last-event-id")).and_then(|value| value.to_str().ok());
        Ok(Self(last.map(|value| value.trim().to_owned())))
    }
}

/// Nobody reads any more, or nobody may: the stream is over.
pub struct Ended;

/// The writing end of a stream.
pub struct Feed {
    state: AppState,
    user: CurrentUser,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    recheck: Instant,
}

/// Streams of one person in one process: several pages in several windows.
const AT_MOST: u64 = 30;

/// Answers with a stream that `follow` feeds, on a task of its own, until it returns.
pub fn open<F>(state: AppState, user: CurrentUser, follow: impl FnOnce(Feed) -> F) -> Result<Response, Error>
where
    F: Future<Output = Result<(), Ended>> + Send + 'static,
{
    let place = state.streams.one("streams", user.id, AT_MOST)?;
    let (sender, receiver) = mpsc::channel(BUFFER);
    // There is room: nothing was sent before.
    let _ = sender.try_send(Ok(Event::default().retry(RETRY).comment("events")));
    let following = follow(Feed { state, user, sender, recheck: Instant::now() + RECHECK });
    tokio::spawn(async move {
        let _ended = following.await;
        drop(place);
    });
    let keep_alive = KeepAlive::new().interval(PING).text("ping");
    let mut response = Sse::new(ReceiverStream::new(receiver)).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

impl Feed {
    pub async fn send(&self, event: Event) -> Result<(), Ended> {
        tokio::select! {
            sent = self.sender.send(Ok(event)) => sent.map_err(|_| Ended),
            () = self.state.stopping.cancelled() => Err(Ended),
        }
    }

    /// Waits for what may be news; less long when the reader leaves or the server stops.
    pub async fn wait<T>(&self, news: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::select! {
            () = self.state.stopping.cancelled() => Err(Ended),
            () = self.sender.closed() => Err(Ended),
            news = news => Ok(news),
        }
    }

    /// When the reader's rights are looked at next.
    pub const fn next_check(&self) -> Instant {
        self.recheck
    }

    fn may_go_on(&self, access: &Access) -> bool {
        access.session_live && access.status.may_sign_in() && !second_factor::is_missing(&self.state, access)
    }

    /// Every 15 s: ends the stream when its reader was signed out or switched off, or when `may_read` says no to what
    /// they are now. While the database cannot say, nobody is thrown out.
    pub async fn check<F>(&mut self, may_read: impl FnOnce(CurrentUser) -> F) -> Result<(), Ended>
    where
        F: Future<Output = bool>,
    {
        if Instant::now() < self.recheck {
            return Ok(());
        }
        if let Ok(access) = self.user.access(&self.state).await {
            let access = access.filter(|access| self.may_go_on(access)).ok_or(Ended)?;
            if !may_read(CurrentUser { role: access.role, ..self.user }).await {
                return Err(Ended);
            }
        }
        self.recheck = Instant::now() + RECHECK;
        Ok(())
    }
}
