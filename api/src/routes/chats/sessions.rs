//! Chats: begun, listed, closed.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    chat::{self, ChatState},
    ids::{ChatId, NanoId},
};
use http::{StatusCode, header};
use infra::db::{
    audit_log,
    chat_lists::{self, Behind, Filter},
    chat_members, chat_sessions, nanos,
};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::cursor;
use crate::{
    reply::{Code, Envelope, Error, Meta, Reply, Written, time},
    request::{
        ChatsClose, ClientInfo, CurrentUser, Json, Keyed, Path, Query, RequirePermission,
        fields::{self, Fields, Input},
    },
    routes::jobs::reason::Reasoned,
    state::AppState,
    views::{Chat, words},
    write::{once, transaction},
};

/// Which chats.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct ChatsParams {
    /// Only those about this nano.
    nano_id: Option<Uuid>,
    /// Only those in this state; otherwise all.
    #[param(schema_with = words::chat_state)]
    state: Option<ChatState>,
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

pub struct ChatsQuery {
    filter: Filter,
    cursor: Option<String>,
    limit: u32,
}

impl Input for ChatsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let nano = fields.optional("nano_id", fields::parsed("0193f2a0-7c3e-7a51-9d0e-5b1f2c3d4e5f"));
        let state = fields.optional("state", fields::word);
        let cursor = fields.optional("cursor", fields::text);
        Some(Self { filter: Filter { nano, state }, cursor, limit: limit(fields) })
    }
}

/// `limit` of chats and messages.
pub(super) fn limit(fields: &mut Fields) -> u32 {
    fields.optional("limit", fields::whole(1, 100)).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(20)
}

/// Your chats, those first in which was written last. One in which nothing was written yet is shown to whoever has begun it.
#[utoipa::path(get, path = "/chats", tag = "chats", params(ChatsParams), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<Chat>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::CursorInvalid]))))]
pub async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    Query(query): Query<ChatsQuery>,
) -> Result<Reply<Vec<Chat>>, Error> {
    let first = || Ok(Behind::nothing(state.clock.now()));
    let behind = query.cursor.as_deref().map_or_else(first, cursor::read)?;
    // One more, to know whether the list goes on.
    let mut cards = chat_lists::page(&state.db, user.id, query.filter, behind, query.limit + 1).await?;
    let goes_on = cards.len() > query.limit as usize;
    cards.truncate(query.limit as usize);
    let last = cards.last().filter(|_| goes_on).map(|card| Behind { active_at: card.active_at, id: card.id });
    let meta = Meta { per_page: Some(query.limit.into()), next_cursor: last.map(cursor::write), ..Meta::default() };
    let chats = cards.into_iter().map(Chat::from).collect();
    Ok(Reply::ok(chats).meta(meta).header(header::CACHE_CONTROL, "private, no-store"))
}

#[derive(Serialize, ToSchema)]
pub struct Unread {
    /// Chats with something unread.
    pub chats: u64,
    pub messages: u64,
}

/// How much there is that you have not read.
#[utoipa::path(get, path = "/chats/unread", tag = "chats", security(("bearer" = [])),
    responses((status = 200, description = "Two numbers", body = Envelope<Unread>)))]
pub async fn unread(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Unread>, Error> {
    let (chats, messages) = chat_members::unread(&state.db, user.id).await?;
    Ok(Reply::ok(Unread { chats, messages }).header(header::CACHE_CONTROL, "private, no-store"))
}

/// One of your chats.
#[utoipa::path(get, path = "/chats/{session_id}", tag = "chats", params(("session_id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "It", body = Envelope<Chat>)),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("member"))))]
pub async fn get(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<ChatId>,
) -> Result<Reply<Chat>, Error> {
    let card = chat_lists::one(&state.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(Chat::from(card)).header(header::CACHE_CONTROL, "private, no-store"))
}

#[derive(ToSchema)]
pub struct NewChat {
    nano_id: Uuid,
}

impl Input for NewChat {
    fn read(fields: &mut Fields) -> Option<Self> {
        let nano = fields.required("nano_id", fields::parsed("0193f2a0-7c3e-7a51-9d0e-5b1f2c3d4e5f"));
        Some(Self { nano_id: nano? })
    }
}

/// Begins a chat with the creator of a published nano. Two people have one chat about a nano: whoever asks again gets it.
#[utoipa::path(post, path = "/chats", tag = "chats", request_body = NewChat, security(("bearer" = [])),
    responses((status = 201, description = "It begins", body = Envelope<Chat>),
        (status = 200, description = "It was there already", body = Envelope<Chat>)),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::EmailNotVerified, Code::NotFound, Code::ChatWithOneself
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn begin(
    State(state): State<AppState>,
    user: CurrentUser,
    Keyed(Json(form), key): Keyed<Json<NewChat>>,
) -> Result<Written, Error> {
    user.require_verified()?;
    let nano = nanos::get(&state.db, NanoId(form.nano_id)).await?.ok_or_else(Error::not_found)?;
    chat::may_begin(nano.status, nano.creator_id, user.id)?;
    let now = state.clock.now();
    once!(state, key, now, |tx| {
        let (chat, begins) = chat_sessions::begin(tx, nano.id, user.id, nano.creator_id, now).await?;
        let card = chat_lists::one_in(tx, user.id, chat.id).await?.ok_or_else(Error::not_found)?;
        let status = if begins { StatusCode::CREATED } else { StatusCode::OK };
        let location = format!("/api/v1/chats/{}", chat.id);
        Ok(Reply::with_status(status, Chat::from(card)).header(header::LOCATION, &location))
    })
}

#[derive(Serialize, ToSchema)]
pub struct ClosedChat {
    pub id: Uuid,
    #[schema(schema_with = words::chat_state)]
    pub state: ChatState,
    #[serde(serialize_with = "time")]
    pub closed_at: DateTime<Utc>,
}

/// Closes a chat for good: its people can read it, and nothing is added. Their open sockets are told and end.
#[utoipa::path(post, path = "/admin/chats/{session_id}/close", tag = "chats", params(("session_id" = Uuid, Path,)),
    request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "Closed", body = Envelope<ClosedChat>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::OwnChat, Code::NotFound, Code::ChatClosed])),
        ("x-permission" = json!("chats:close"))))]
pub async fn close(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<ChatsClose>,
    Path(id): Path<ChatId>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<ClosedChat>, Error> {
    let now = state.clock.now();
    let closed = transaction!(state.db, |tx| {
        let chat = chat_sessions::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if chat.has(user.id) {
            return Err(Error::new(Code::OwnChat));
        }
        let closed = chat.state.close()?;
        chat_sessions::close(tx, &chat, now).await?;
        let details = json!({"reason": form.reason, "nano_id": chat.nano_id});
        let entry = client.audit("chat.close", Some(user.id), ("chat", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(closed)
    })?;
    Ok(Reply::ok(ClosedChat { id: id.0, state: closed, closed_at: now }))
}
