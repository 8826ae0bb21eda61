//! Where somebody is signed in, and ending it there.

use axum::extract::State;
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use infra::db::{
    audit_log,
    refresh_tokens::{self, LiveSession},
    users,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::session;
use crate::{
    reply::{Code, Envelope, Error, Reply, time},
    request::{ClientInfo, CurrentUser, Path},
    state::AppState,
    write::transaction,
};

/// A browser or program that is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    pub id: Uuid,
    /// The one that asks.
    pub current: bool,
    /// What the browser or program called itself when it signed in.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")]
    pub device: String,
    #[serde(serialize_with = "time")]
    pub signed_in_at: DateTime<Utc>,
    /// When it last got new tokens: within the lifetime of an access token of when it was used.
    #[serde(serialize_with = "time")]
    pub refreshed_at: DateTime<Utc>,
    /// Unless it gets new tokens before.
    #[serde(serialize_with = "time")]
    pub expires_at: DateTime<Utc>,
}

/// Where you are signed in, the newest first.
#[utoipa::path(get, path = "/auth/sessions", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "Your sessions, at most 100", body = Envelope<Vec<Session>>)),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Vec<Session>>, Error> {
    let live = refresh_tokens::live_of(&state.db, user.id, state.clock.now()).await?;
    let shown = live.into_iter().map(|LiveSession { family_id, device, refreshed_at, expires_at }| Session {
        id: family_id,
        current: family_id == user.session,
        device,
        signed_in_at: session::began(family_id).unwrap_or(refreshed_at),
        refreshed_at,
        expires_at,
    });
    Ok(Reply::ok(shown.collect()).header(header::CACHE_CONTROL, "no-store"))
}

/// Ends one of your sessions: its tokens stop working at once.
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "auth", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "Ended")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn end(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        // An exchange of refresh tokens that is under way has made its new one by then, or makes none.
        users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        if refresh_tokens::revoke_family_of(tx, user.id, id, now).await? == 0 {
            return Err(Error::not_found());
        }
        let entry = client.audit("auth.session_end", Some(user.id), ("session", Some(id)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session of yours but this one. Personal access tokens stay; `DELETE /auth/tokens` ends those.
#[utoipa::path(delete, path = "/auth/sessions", tag = "auth", security(("bearer" = [])),
    responses((status = 204, description = "The others are ended")),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn end_others(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        // An exchange of refresh tokens that is under way has made its new one by then, or makes none.
        users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        let ended = refresh_tokens::revoke_others(tx, user.id, user.session, now).await?;
        let details = json!({"ended": ended});
        let entry = client.audit("auth.sessions_end", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
