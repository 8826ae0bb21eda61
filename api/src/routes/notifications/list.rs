//! What somebody was told of.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{ids::NotificationId, notification::Kind};
use http::{StatusCode, header};
use infra::db::notifications;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Meta, Reply, maybe_time, time},
    request::{
        CurrentUser, Json, Path, Query,
        fields::{self, Fields, Input, boolean, parsed, whole},
    },
    state::AppState,
    views::words,
    write::transaction,
};

/// A nano that a notification is about.
#[derive(Serialize, ToSchema)]
pub struct AboutNano {
    pub id: Uuid,
    /// As it is called now. Null when you may not see it any more.
    pub title: Option<String>,
}

/// A saved search that has found something.
#[derive(Serialize, ToSchema)]
pub struct AboutSearch {
    pub id: Uuid,
    /// Null when it is deleted.
    pub name: Option<String>,
    /// How many new nanos it has found.
    pub found: u32,
}

/// Something that somebody is told of.
#[derive(Serialize, ToSchema)]
pub struct Notification {
    pub id: Uuid,
    #[schema(schema_with = words::notification_kind)]
    pub kind: Kind,
    pub nano: Option<AboutNano>,
    /// The rating that was received, replied to or judged.
    pub rating_id: Option<Uuid>,
    pub saved_search: Option<AboutSearch>,
    /// Why something was refused or removed. Plain text.
    pub reason: Option<String>,
    /// Null while it is unread.
    #[serde(serialize_with = "maybe_time")]
    pub read_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<notifications::Notification> for Notification {
    fn from(row: notifications::Notification) -> Self {
        let title = row.nano_title;
        let name = row.saved_search_name;
        Self {
            id: row.id.0,
            kind: row.kind,
            nano: row.nano_id.map(|id| AboutNano { id: id.0, title }),
            rating_id: row.rating_id.map(Uuid::from),
            saved_search: row.saved_search_id.zip(row.found).map(|(id, found)| AboutSearch { id: id.0, name, found }),
            reason: row.reason,
            read_at: row.read_at,
            created_at: row.created_at,
        }
    }
}

/// Some of what somebody was told of.
#[derive(Serialize, ToSchema)]
pub struct Notifications {
    /// How many are unread, in all; 1,000 stands for more.
    pub unread: u64,
    pub notifications: Vec<Notification>,
}

/// Which notifications.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListNotifications {
    /// `true`: only unread ones.
    #[param(value_type = Option<bool>)]
    unread: bool,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: u32,
    /// From `next_cursor` of the page before.
    #[param(value_type = Option<String>, max_length = 64)]
    cursor: Option<String>,
}

impl Input for ListNotifications {
    fn read(fields: &mut Fields) -> Option<Self> {
        let limit = fields.optional("limit", whole(1, 100)).and_then(|limit| u32::try_from(limit).ok());
        Some(Self {
            unread: fields.optional("unread", boolean).unwrap_or(false),
            limit: limit.unwrap_or(20),
            cursor: fields.optional("cursor", fields::text),
        })
    }
}

/// What you were told of in the last 90 days, the newest first.
#[utoipa::path(get, path = "/me/notifications", tag = "notifications", params(ListNotifications),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of them, and how many are unread", body = Envelope<Notifications>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::CursorInvalid]))))]
pub async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    Query(query): Query<ListNotifications>,
) -> Result<Reply<Notifications>, Error> {
    let after = query.cursor.as_deref().map(str::parse::<NotificationId>).transpose();
    let after = after.map_err(|_| Error::new(Code::CursorInvalid))?;
    // One more than asked for says whether there are more.
    let mut rows = notifications::page(&state.db, user.id, after, query.unread, query.limit + 1).await?;
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id.0.simple().to_string());
    let unread = notifications::unread(&state.db, user.id).await?;
    let notifications = rows.into_iter().map(Notification::from).collect();
    let meta = Meta { per_page: Some(query.limit.into()), next_cursor, ..Meta::default() };
    let reply = Reply::ok(Notifications { unread, notifications }).meta(meta);
    Ok(reply.header(header::CACHE_CONTROL, "private, no-cache").tagged())
}

#[derive(ToSchema)]
pub struct ReadUpTo {
    /// The newest notification that was seen. What came after it stays unread.
    #[schema(value_type = Uuid, example = "01930000-0000-7000-8000-000000000001")]
    pub up_to: NotificationId,
}

impl Input for ReadUpTo {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { up_to: fields.required("up_to", parsed("01930000-0000-7000-8000-000000000001"))? })
    }
}

/// Marks your notifications as read, up to one of them; again changes nothing.
#[utoipa::path(put, path = "/me/notifications/read", tag = "notifications", request_body = ReadUpTo,
    security(("bearer" = [])), responses((status = 204, description = "They are read")),
    extensions(("x-errors" = json!([Code::ValidationFailed])), ("x-permission" = json!("signed_in"))))]
pub async fn read_up_to(
    State(state): State<AppState>,
    user: CurrentUser,
    Json(form): Json<ReadUpTo>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| { Ok(notifications::read_up_to(tx, user.id, form.up_to, now).await?) })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks one of your notifications as read; again changes nothing.
#[utoipa::path(put, path = "/me/notifications/{id}/read", tag = "notifications", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "It is read")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("owner"))))]
pub async fn read(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<NotificationId>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    let found = transaction!(state.db, |tx| { Ok(notifications::read(tx, user.id, id, now).await?) })?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(Error::not_found()) }
}
