//! One socket from its first message to its close.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    chat::ChatState,
    ids::{ChatId, MessageId},
    user::Language,
};
use infra::db::{
    chat_lists, chat_members,
    chat_messages::{self, Message},
    chat_sessions,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};

use super::{
    LARGEST,
    end::End,
    frames::{Heard, Said},
};
use crate::{
    auth::second_factor,
    maintenance,
    quota::Place,
    reply::{Code, Error},
    request::{self, CurrentUser},
    rooms::Guest,
    routes::chats::messages,
    state::AppState,
    views,
    write::transaction,
};

/// How long the first message may take.
const GREETING: Duration = Duration::from_secs(10);
/// How often a socket looks after itself.
const BEAT: Duration = Duration::from_secs(5);
/// In beats: a ping every 25 s, below the idle timeout of 60 s of load balancers; a look at the reader's rights every 15 s.
const PING: u64 = 5;
const RECHECK: u64 = 3;
/// Whoever answers no ping for so long is gone.
const SILENCE: Duration = Duration::from_secs(65);
/// How long before its token expires a client is asked for a new one.
const NOTICE: TimeDelta = TimeDelta::seconds(60);
/// Messages read at once.
const BATCH: u32 = 50;
/// Messages of whatever kind that a client may send at once, and per second in the long run.
const BURST: f64 = 60.0;
const PER_SECOND: f64 = 2.0;
/// How long a client has to take the close code; a slow one has longer, since it has all that was sent before to take.
const FAREWELL: Duration = Duration::from_secs(3);
const SLOW_FAREWELL: Duration = Duration::from_secs(20);
/// Over which all sockets of a stopping process end, so that their clients do not come back in the same moment.
const SPREAD: Duration = Duration::from_secs(1);

/// Holds the socket until it ends, and closes it.
pub async fn hold(state: AppState, language: Language, chat: ChatId, socket: WebSocket) {
    let mut line = Line { socket, patience: state.settings.chat.slow_reader };
    let end = match Conversation::begin(&state, language, chat, &mut line).await {
        Ok(mut conversation) => match conversation.go_on(&mut line).await {
            Ok(never) => match never {},
            Err(end) => end,
        },
        Err(end) => end,
    };
    metrics::counter!("chat_sockets_closed_total", "reason" => end.word()).increment(1);
    tracing::debug!(%chat, reason = end.word(), "a chat socket ends");
    line.close(&end).await;
}

/// The socket itself.
struct Line {
    socket: WebSocket,
    /// For one message to be taken.
    patience: Duration,
}

impl Line {
    async fn say(&mut self, said: &Said) -> Result<(), End> {
        self.put(Frame::Text(said.json().into())).await
    }

    async fn put(&mut self, frame: Frame) -> Result<(), End> {
        match timeout(self.patience, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Lost),
            Err(_) => Err(End::Slow),
        }
    }

    /// The next message that is not about the connection.
    async fn hear(&mut self) -> Result<Frame, End> {
        match self.socket.recv().await {
            Some(Ok(Frame::Close(_))) | None => Err(End::Left),
            Some(Ok(frame)) => Ok(frame),
            Some(Err(_)) => Err(End::Lost),
        }
    }

    /// Says why, and waits until the client has heard it.
    async fn close(mut self, end: &End) {
        let Some(code) = end.code() else { return };
        let time = if matches!(end, End::Slow) { SLOW_FAREWELL } else { FAREWELL };
        let farewell = async {
            let frame = CloseFrame { code, reason: end.text().into() };
            if self.socket.send(Frame::Close(Some(frame))).await.is_ok() {
                // Its answer, before which the connection must not end: what it has not read would be lost.
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = timeout(time, farewell).await;
    }
}

/// What a client may still send.
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes one; false when there is none.
    fn take(&mut self, now: Instant) -> bool {
        self.left = (now.duration_since(self.at).as_secs_f64().mul_add(PER_SECOND, self.left)).min(BURST);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

struct Conversation {
    state: AppState,
    language: Language,
    chat: ChatId,
    user: CurrentUser,
    expires_at: DateTime<Utc>,
    /// Whether the client was asked for a new token.
    asked: bool,
    guest: Guest,
    _place: Place,
    bucket: Bucket,
    beat: Interval,
    beats: u64,
    heard_at: Instant,
    /// The last message that was sent, and what of the chat has been seen.
    sent: u32,
    seen: Seen,
    /// Read, and not sent yet: at most [`BATCH`].
    waiting: VecDeque<Message>,
    /// There may be something to read.
    behind: bool,
    /// Reading failed: once more at the next beat.
    again: bool,
}

/// A chat as it was last read.
struct Seen {
    revision: u32,
    last_seq: u32,
    members: Vec<chat_members::Member>,
    closed: bool,
}

/// What happens next.
enum Next {
    Stop,
    Beat,
    News,
    Send,
    Heard(Result<Frame, End>),
}

impl Conversation {
    /// Waits for the first message, and lets in who may be.
    async fn begin(state: &AppState, language: Language, chat: ChatId, line: &mut Line) -> Result<Self, End> {
        let first = tokio::select! {
            first = timeout(GREETING, line.hear()) => first.map_err(|_| End::NoToken)??,
            () = state.stopping.cancelled() => return Err(End::Stopping),
        };
        let first = match first {
            Frame::Text(text) if text.len() > LARGEST => return Err(End::TooLarge),
            Frame::Text(text) => request::read::<Heard>(text.as_bytes()).map_err(|_| End::NoToken)?,
            Frame::Binary(_) => return Err(End::NotText),
            _ => return Err(End::NoToken),
        };
        let Heard::Auth { token, after } = first else { return Err(End::NoToken) };
        match Self::let_in(state, language, chat, &token, after).await {
            Ok((conversation, ready)) => {
                line.say(&ready).await?;
                Ok(conversation)
            }
            Err(error) => {
                let (end, error) = End::of(error, language);
                line.say(&Said::Error { id: None, error }).await?;
                Err(end)
            }
        }
    }

    async fn let_in(
        state: &AppState,
        language: Language,
        chat: ChatId,
        token: &str,
        after: Option<u32>,
    ) -> Result<(Self, Said), Error> {
        let (user, expires_at) = CurrentUser::shown(state, token).await?;
        let place = state.sockets.one("chat_sockets", user.id, state.settings.chat.sockets_per_person)?;
        // Before the first look, so nothing falls between.
        let guest = state.rooms.enter(chat, &state.db, &state.hints);
        let card = chat_lists::one(&state.db, user.id, chat).await?.ok_or_else(Error::not_found)?;
        let members = chat_members::of(&state.db, chat).await?;
        let now = Instant::now();
        let start = now + BEAT.mul_f64(rand::random_range(0.2..1.0));
        let mut beat = interval_at(start, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let conversation = Self {
            state: state.clone(),
            language,
            chat,
            user,
            expires_at,
            asked: false,
            guest,
            _place: place,
            bucket: Bucket::full(now),
            beat,
            beats: 0,
            heard_at: now,
            sent: after.unwrap_or(u32::MAX).min(card.last_seq),
            // Whatever its revision is, the chat is read once more: what has changed since is found then.
            seen: Seen { revision: 0, last_seq: 0, members, closed: false },
            waiting: VecDeque::new(),
            behind: true,
            again: false,
        };
        let ready = Said::Ready { chat: Box::new(views::Chat::from(card)), expires_at };
        Ok((conversation, ready))
    }

    async fn go_on(&mut self, line: &mut Line) -> Result<Infallible, End> {
        loop {
            if self.behind && self.waiting.is_empty() {
                self.catch_up(line).await?;
            }
            match self.next(line).await {
                Next::Stop => {
                    sleep(SPREAD.mul_f64(rand::random())).await;
                    return Err(End::Stopping);
                }
                Next::Beat => self.look_after(line).await?,
                Next::News => self.behind = true,
                Next::Send => {
                    if let Some(message) = self.waiting.pop_front() {
                        self.sent = message.seq;
                        line.say(&Said::Message { message: message.into() }).await?;
                    }
                }
                Next::Heard(frame) => self.hear(line, frame?).await?,
            }
        }
    }

    /// Nothing that asks the database is waited for here: whoever comes first would cut it off in the middle of a statement.
    async fn next(&mut self, line: &mut Line) -> Next {
        let (sends, looks) = (!self.waiting.is_empty(), !self.behind && !self.again);
        tokio::select! {
            () = self.state.stopping.cancelled() => Next::Stop,
            _ = self.beat.tick() => Next::Beat,
            frame = line.hear() => Next::Heard(frame),
            () = self.guest.newer_than(self.seen.revision), if looks => Next::News,
            () = std::future::ready(()), if sends => Next::Send,
        }
    }

    /// Reads what is new: messages to send one by one, marks and the end of the chat at once.
    async fn catch_up(&mut self, line: &mut Line) -> Result<(), End> {
        match self.read_on().await {
            Ok(marks) => {
                for mark in marks {
                    line.say(&Said::read(&mark)).await?;
                }
                if self.seen.closed && self.waiting.is_empty() && !self.behind {
                    line.say(&Said::Closed).await?;
                    return Err(End::ChatClosed);
                }
                Ok(())
            }
            // It delays messages; it does not end the socket.
            Err(error) => {
                tracing::debug!(%error, "a chat could not be read");
                (self.behind, self.again) = (false, true);
                Ok(())
            }
        }
    }

    /// The read marks that have moved.
    async fn read_on(&mut self) -> Result<Vec<chat_members::Member>, Error> {
        let db = &self.state.db;
        let chat = chat_sessions::get(db, self.chat).await?.ok_or_else(Error::not_found)?;
        if chat.last_seq > self.sent {
            self.waiting = chat_messages::after(db, self.chat, self.sent, BATCH).await?.into();
        }
        // Once more when there may be more, and when the chat is over.
        self.behind = self.waiting.len() == BATCH as usize;
        let mut marks = Vec::new();
        // Each message raises the revision by one, and so does everything else.
        let messages = chat.last_seq.saturating_sub(self.seen.last_seq);
        if chat.revision.saturating_sub(self.seen.revision) > messages {
            let members = chat_members::of(db, self.chat).await?;
            marks = members.iter().filter(|member| self.has_moved(member)).copied().collect();
            self.seen.members = members;
        }
        self.seen.closed = chat.state == ChatState::Closed;
        self.behind |= self.seen.closed && !self.waiting.is_empty();
        (self.seen.revision, self.seen.last_seq) = (chat.revision, chat.last_seq);
        self.guest.has_seen(chat.revision);
        Ok(marks)
    }

    fn has_moved(&self, member: &chat_members::Member) -> bool {
        let before = self.seen.members.iter().find(|before| before.user_id == member.user_id);
        before.is_some_and(|before| before.read_seq < member.read_seq && member.read_at != before.read_at)
    }

    async fn look_after(&mut self, line: &mut Line) -> Result<(), End> {
        self.beats += 1;
        if self.again {
            (self.behind, self.again) = (true, false);
        }
        self.require_fresh(line).await?;
        if !self.asked && self.state.clock.now() + NOTICE >= self.expires_at {
            self.asked = true;
            line.say(&Said::Expiring { expires_at: self.expires_at }).await?;
        }
        if self.heard_at.elapsed() > SILENCE {
            return Err(End::Lost);
        }
        if self.beats.is_multiple_of(PING) {
            line.put(Frame::Ping(Default::default())).await?;
        }
        if self.beats.is_multiple_of(RECHECK) {
            self.recheck(line).await?;
        }
        Ok(())
    }

    /// Ends the socket when its token has expired.
    async fn require_fresh(&self, line: &mut Line) -> Result<(), End> {
        if self.state.clock.now() < self.expires_at {
            return Ok(());
        }
        self.refuse(line, Error::new(Code::TokenExpired)).await
    }

    /// Ends the socket when its reader was signed out or switched off. While the database cannot say, nobody is thrown out.
    async fn recheck(&mut self, line: &mut Line) -> Result<(), End> {
        let Ok(access) = self.user.access(&self.state).await else { return Ok(()) };
        let code = match access {
            Some(access) if !access.status.may_sign_in() => Code::AccountNotActive,
            Some(access) if !access.session_live => Code::SessionEnded,
            Some(access) if second_factor::is_missing(&self.state, &access) => Code::SecondFactorSetupRequired,
            Some(access) => {
                self.user.email_verified = access.email_verified;
                return Ok(());
            }
            None => Code::Unauthorized,
        };
        self.refuse(line, Error::new(code)).await
    }

    /// Says why, and ends the socket.
    async fn refuse(&self, line: &mut Line, error: Error) -> Result<(), End> {
        let (end, error) = End::of(error, self.language);
        line.say(&Said::Error { id: None, error }).await?;
        Err(end)
    }

    async fn hear(&mut self, line: &mut Line, frame: Frame) -> Result<(), End> {
        self.heard_at = Instant::now();
        if !self.bucket.take(self.heard_at) {
            return Err(End::Flood);
        }
        let text = match frame {
            Frame::Text(text) if text.len() > LARGEST => return Err(End::TooLarge),
            Frame::Text(text) => text,
            Frame::Binary(_) => return Err(End::NotText),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) => return Ok(()),
        };
        let heard = match request::read::<Heard>(text.as_bytes()) {
            Ok(heard) => heard,
            Err(error) => return self.object(line, None, error).await,
        };
        if let Heard::Auth { token, .. } = heard {
            return self.renew(line, &token).await;
        }
        self.require_fresh(line).await?;
        match heard {
            Heard::Auth { .. } => Ok(()),
            Heard::Send { id, text } => match self.send(id, &text).await {
                Ok(message) => {
                    let (seq, created_at) = (message.seq, message.created_at);
                    line.say(&Said::Sent { id: id.0, seq, created_at }).await
                }
                Err(error) => self.object(line, Some(id), error).await,
            },
            Heard::Read { seq } => match self.mark(seq).await {
                Ok(()) => Ok(()),
                Err(error) => self.object(line, None, error).await,
            },
        }
    }

    /// Says what is wrong; the socket goes on.
    async fn object(&self, line: &mut Line, id: Option<MessageId>, error: Error) -> Result<(), End> {
        let (_, error) = error.told(self.language);
        line.say(&Said::Error { id: id.map(|id| id.0), error }).await
    }

    /// Goes on with a newer token of the same person.
    async fn renew(&mut self, line: &mut Line, token: &str) -> Result<(), End> {
        match CurrentUser::shown(&self.state, token).await {
            Ok((user, expires_at)) if user.id == self.user.id => {
                (self.user, self.expires_at, self.asked) = (user, expires_at, false);
                line.say(&Said::Renewed { expires_at }).await
            }
            Ok(_) => self.refuse(line, Error::new(Code::Unauthorized)).await,
            Err(error @ (Error::Db(_) | Error::Unavailable(_))) => self.object(line, None, error).await,
            Err(error) => self.refuse(line, error).await,
        }
    }

    async fn refused_in_maintenance(&self) -> Result<(), Error> {
        match self.state.maintenance.current(&self.state.db).await {
            Some(mode) => Err(maintenance::refused(&mode)),
            None => Ok(()),
        }
    }

    async fn send(&self, id: MessageId, text: &str) -> Result<Message, Error> {
        self.refused_in_maintenance().await?;
        self.user.require_verified()?;
        messages::count(&self.state, self.user.id).await?;
        let now = self.state.clock.now();
        let message =
            transaction!(self.state.db, |tx| { messages::write(tx, self.user.id, self.chat, (id, text), now).await })?;
        metrics::counter!("chat_messages_total", "way" => "socket").increment(1);
        Ok(message)
    }

    async fn mark(&self, seq: u32) -> Result<(), Error> {
        self.refused_in_maintenance().await?;
        messages::mark(&self.state, self.user.id, self.chat, seq).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_send_a_burst_and_then_at_a_pace() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        assert_eq!((0..100).filter(|_| bucket.take(start)).count(), 60);
        assert!(!bucket.take(start + Duration::from_millis(400)));
        assert!(bucket.take(start + Duration::from_millis(600)));
        assert_eq!((0..100).filter(|_| bucket.take(start + Duration::from_secs(3600))).count(), 60);
    }
}
