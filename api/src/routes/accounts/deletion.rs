//! Ending one's own account: after a grace in which it can be kept after all.

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    data_request::{Cause, Kind, State as RequestState},
    user::Role,
};
use http::{StatusCode, header};
use infra::db::{
    audit_log, data_requests,
    users::{self, User},
};
use jobs::Asked;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    password,
    second_factor::{SecondFactorProof, prove},
};
use crate::{
    auth::second_factor::Sent,
    reply::{Code, Envelope, Error, Reply, time},
    request::{ClientInfo, CurrentUser, Json},
    state::AppState,
    write::transaction,
};

pub const PATH: &str = "/api/v1/me/deletion";

/// When your account ends.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deletion {
    #[serde(serialize_with = "time")]
    pub asked_at: DateTime<Utc>,
    /// Until then you can keep the account; then nobody signs in any more, and everything about you is erased.
    #[serde(serialize_with = "time")]
    pub due_at: DateTime<Utc>,
}

async fn shown(state: &AppState, user: &CurrentUser) -> Result<Deletion, Error> {
    let request = data_requests::newest(&state.db, user.id, Kind::Erasure).await?;
    let waiting = request.filter(|request| request.state == RequestState::Waiting).ok_or_else(Error::not_found)?;
    Ok(Deletion { asked_at: waiting.created_at, due_at: waiting.due_at })
}

/// Refuses to end the account of the only admin.
pub async fn check_admins(tx: &mut Tx, user: &User) -> Result<(), Error> {
    let last = user.role == Role::Admin && users::lock_admins(tx).await?.iter().all(|admin| *admin == user.id);
    if last { Err(Error::new(Code::LastAdmin)) } else { Ok(()) }
}

/// Asks that your account and everything about you be erased, in 30 days. Until then it works as before, and `DELETE /me/deletion`
/// keeps it. It takes your password and, where you have one, the second factor; a mail says what happens when.
#[utoipa::path(delete, path = "/me", tag = "data protection", request_body = SecondFactorProof,
    security(("bearer" = [])),
    responses((status = 202, description = "It waits for its day", body = Envelope<Deletion>,
        headers(("Location" = String, description = "Where it stands")))),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::TooManyAttempts, Code::SecondFactorRequired,
        Code::SecondFactorInvalid, Code::PasskeysUnavailable, Code::ErasureWaits, Code::LastAdmin
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn ask(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<SecondFactorProof>,
) -> Result<Reply<Deletion>, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    let SecondFactorProof { password, code, passkey } = form;
    prove(&state, &client, &user, &account, password, Sent { code, passkey }).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        // Before the account's own row: everybody takes them in one order.
        check_admins(tx, &account).await?;
        let account = password::still(tx, &account).await?;
        let site = state.settings.public_url.as_str();
        match jobs::ask_erasure(tx, &account, Cause::Person, site, now).await? {
            Asked::New(request) => {
                let details = json!({"request": request});
                let entry = client.audit("user.erasure_ask", Some(user.id), ("user", Some(user.id.0)), details, now);
                audit_log::append(tx, &entry).await?;
                Ok(())
            }
            Asked::UnderWay(_) | Asked::TooSoon(_) => Err(Error::new(Code::ErasureWaits)),
        }
    })?;
    Ok(Reply::accepted(shown(&state, &user).await?, PATH).header(header::CACHE_CONTROL, "no-store"))
}

/// When your account ends. Nothing is here while it does not.
#[utoipa::path(get, path = "/me/deletion", tag = "data protection", security(("bearer" = [])),
    responses((status = 200, description = "It", body = Envelope<Deletion>)),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn show(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Deletion>, Error> {
    Ok(Reply::ok(shown(&state, &user).await?).header(header::CACHE_CONTROL, "no-store"))
}

/// Keeps your account, whoever asked for its end. A mail says so.
#[utoipa::path(delete, path = "/me/deletion", tag = "data protection", security(("bearer" = [])),
    responses((status = 204, description = "It stays")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn withdraw(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let account = users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        let kept = jobs::withdraw_erasure(tx, &account, state.settings.public_url.as_str(), now).await?;
        let request = kept.ok_or_else(Error::not_found)?;
        let details = json!({"request": request});
        let entry = client.audit("user.erasure_withdraw", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
