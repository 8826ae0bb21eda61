//! Messages: read, sent, marked as read.

use std::time::Duration;

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    chat::LONGEST_MESSAGE,
    ids::{ChatId, MessageId, UserId},
};
use http::header;
use infra::db::{chat_members, chat_messages, chat_sessions};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::sessions::limit;
use crate::{
    reply::{Code, Envelope, Error, Issue, Meta, RateLimit, Reply, Written, maybe_time},
    request::{
        CurrentUser, Json, Keyed, Path, Query,
        fields::{self, Fields, Input, Raw},
    },
    state::AppState,
    views::Message,
    write::{once, transaction},
};

const MINUTE: Duration = Duration::from_secs(60);

/// Which messages: of `after`, `since` and `before` at most one.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct MessagesParams {
    /// Those behind this number, the oldest first.
    #[param(minimum = 0, maximum = 4_294_967_295_u32)]
    after: Option<u32>,
    /// Those written after this time, the oldest first. With the `created_at` of the last message you have, you miss none and get
    /// none twice.
    since: Option<DateTime<Utc>>,
    /// The last ones before this number.
    #[param(minimum = 0, maximum = 4_294_967_295_u32)]
    before: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// Where a page of messages lies.
enum Place {
    After(u32),
    Since(DateTime<Utc>),
    Before(u32),
}

pub struct MessagesQuery {
    place: Place,
    limit: u32,
}

/// The number of a message, or 0.
pub(super) fn number(raw: Raw) -> Result<u32, Issue> {
    Ok(u32::try_from(fields::whole(0, u32::MAX.into())(raw)?).unwrap_or(u32::MAX))
}

impl Input for MessagesQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let after = fields.optional("after", number).map(Place::After);
        let since = fields.optional("since", fields::instant).map(Place::Since);
        let before = fields.optional("before", number).map(Place::Before);
        let mut place = None;
        for (name, given) in [("after", after), ("since", since), ("before", before)] {
            if place.is_some() && given.is_some() {
                fields.error(name, Issue::Alone);
            }
            place = place.or(given);
        }
        Some(Self { place: place.unwrap_or(Place::Before(u32::MAX)), limit: limit(fields) })
    }
}

/// Messages of one of your chats, in their order: without a place the last ones. A full page may have more behind it. Whoever has
/// no socket asks again with `after` or `since` for what is new.
#[utoipa::path(get, path = "/chats/{session_id}/messages", tag = "chats",
    params(("session_id" = Uuid, Path,), MessagesParams), security(("bearer" = [])),
    responses((status = 200, description = "Some of them", body = Envelope<Vec<Message>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::NotFound])), ("x-permission" = json!("member"))))]
pub async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<ChatId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Reply<Vec<Message>>, Error> {
    let chat = chat_sessions::get(&state.db, id).await?.filter(|chat| chat.has(user.id));
    chat.ok_or_else(Error::not_found)?;
    let (db, limit) = (&state.db, query.limit);
    let found = match query.place {
        Place::After(seq) => chat_messages::after(db, id, seq, limit).await?,
        Place::Since(time) => chat_messages::since(db, id, time, limit).await?,
        Place::Before(seq) => chat_messages::before(db, id, seq, limit).await?,
    };
    let meta = Meta { per_page: Some(limit.into()), ..Meta::default() };
    let list = found.into_iter().map(Message::from).collect();
    Ok(Reply::ok(list).meta(meta).header(header::CACHE_CONTROL, "private, no-store"))
}

#[derive(ToSchema)]
pub struct NewMessage {
    /// Plain text, shown as it is.
    #[schema(min_length = 1, max_length = 1000, example = "Does it work with Excel 2019?")]
    text: String,
}

/// A message's text.
pub(super) fn text(raw: Raw) -> Result<String, Issue> {
    let text = fields::paragraphs(LONGEST_MESSAGE)(raw)?;
    if text.is_empty() { Err(Issue::Empty) } else { Ok(text) }
}

impl Input for NewMessage {
    fn read(fields: &mut Fields) -> Option<Self> {
        let text = fields.required("text", text);
        Some(Self { text: text? })
    }
}

/// Counts one message of this person, wherever it is sent; an error when it is one too many.
pub(super) async fn count(state: &AppState, user: UserId) -> Result<RateLimit, Error> {
    let quota = state.settings.chat.messages_per_minute;
    let counted = state.cache.take(&format!("chat:{user}"), quota, MINUTE).await;
    let limit = RateLimit { policy: "chat_messages", quota, window: MINUTE, state: counted };
    limit.check(Code::RateLimited).inspect_err(|_| {
        metrics::counter!("requests_limited_total", "policy" => "chat_messages").increment(1);
    })
}

/// Adds a message to a chat of its sender. One that they have sent before is what it was.
pub(super) async fn write(
    tx: &mut Tx,
    sender: UserId,
    id: ChatId,
    message: (MessageId, &str),
    now: DateTime<Utc>,
) -> Result<chat_messages::Message, Error> {
    let chat = chat_sessions::lock(tx, id).await?.filter(|chat| chat.has(sender)).ok_or_else(Error::not_found)?;
    chat.state.write()?;
    let (message_id, text) = message;
    Ok(chat_messages::append(tx, &chat, sender, message_id, text, now).await?)
}

/// Sends a message. An archived chat is open again with it.
#[utoipa::path(post, path = "/chats/{session_id}/messages", tag = "chats", params(("session_id" = Uuid, Path,)),
    request_body = NewMessage, security(("bearer" = [])),
    responses((status = 201, description = "Sent", body = Envelope<Message>)),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::EmailNotVerified, Code::NotFound, Code::ChatClosed
    ])), ("x-permission" = json!("member"))))]
pub async fn send(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<ChatId>,
    Keyed(Json(form), key): Keyed<Json<NewMessage>>,
) -> Result<Written, Error> {
    let chat = chat_sessions::get(&state.db, id).await?.filter(|chat| chat.has(user.id));
    chat.ok_or_else(Error::not_found)?.state.write()?;
    user.require_verified()?;
    let limit = count(&state, user.id).await?;
    let (message, now) = (MessageId::new(), state.clock.now());
    let written = once!(state, key, now, |tx| {
        let message = write(tx, user.id, id, (message, &form.text), now).await?;
        let location = format!("/api/v1/chats/{id}/messages?after={}&limit=1", message.seq - 1);
        Ok(Reply::created(Message::from(message), &location).limit(limit))
    })?;
    metrics::counter!("chat_messages_total", "way" => "request").increment(1);
    Ok(written)
}

#[derive(ToSchema)]
pub struct ReadMark {
    /// The last message that was read.
    #[schema(minimum = 0, maximum = 4_294_967_295_u32, example = 1)]
    seq: u32,
}

impl Input for ReadMark {
    fn read(fields: &mut Fields) -> Option<Self> {
        let seq = fields.required("seq", number);
        Some(Self { seq: seq? })
    }
}

/// How far you have read.
#[derive(Serialize, ToSchema)]
pub struct Mark {
    pub read_seq: u32,
    #[serde(serialize_with = "maybe_time")]
    pub read_at: Option<DateTime<Utc>>,
    /// Messages of the other person behind it.
    pub unread: u32,
}

/// Notes in a transaction of its own how far somebody has read.
pub(super) async fn mark(state: &AppState, user: UserId, id: ChatId, seq: u32) -> Result<chat_members::Member, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let chat = chat_sessions::lock(tx, id).await?.filter(|chat| chat.has(user)).ok_or_else(Error::not_found)?;
        Ok(chat_members::read(tx, &chat, user, seq, now).await?)
    })
}

/// Says how far you have read. The mark never goes back, and not beyond the newest message.
#[utoipa::path(put, path = "/chats/{session_id}/read", tag = "chats", params(("session_id" = Uuid, Path,)),
    request_body = ReadMark, security(("bearer" = [])),
    responses((status = 200, description = "As it is now", body = Envelope<Mark>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::NotFound])), ("x-permission" = json!("member"))))]
pub async fn read(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<ChatId>,
    Json(form): Json<ReadMark>,
) -> Result<Reply<Mark>, Error> {
    let member = mark(&state, user.id, id, form.seq).await?;
    Ok(Reply::ok(Mark { read_seq: member.read_seq, read_at: member.read_at, unread: member.unread }))
}
