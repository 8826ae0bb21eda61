//! Accounts, and what administrators do to them.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    administration::Act,
    ids::{TokenId, UserId},
    user::{Email, Role, UserStatus},
};
use http::header;
use infra::db::{
    audit_log, personal_tokens,
    user_lists::{self, Filter, Listed},
    users,
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Reply, maybe_time, time},
    request::{
        ClientInfo, CurrentUser, Json, Page, Path, RequirePermission, StrictQuery, UsersManage,
        fields::{self, Fields, Input},
    },
    routes::{
        accounts::tokens::TokenView,
        jobs::reason::{Reasoned, entry, reason},
    },
    state::AppState,
    views::words,
    write::transaction,
};

/// Which accounts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// What the address or the username begins with, or the name holds.
    #[param(value_type = Option<String>, max_length = 254, example = "ada")]
    q: Option<String>,
    #[param(schema_with = words::role)]
    role: Option<Role>,
    #[param(schema_with = words::user_status)]
    status: Option<UserStatus>,
    #[param(ignore)]
    page: Page,
}

impl Input for UserQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let q = fields.optional("q", fields::line(254));
        let role = fields.optional("role", fields::word);
        let status = fields.optional("status", fields::word);
        Some(Self { q, role, status, page: Page::read(fields) })
    }
}

/// An account, as it is administered.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserRow {
    pub id: Uuid,
    pub email: String,
    pub username: String,
    pub name: String,
    #[schema(schema_with = words::role)]
    pub role: Role,
    #[schema(schema_with = words::user_status)]
    pub status: UserStatus,
    pub suspension_reason: Option<String>,
    pub email_verified: bool,
    pub second_factor: bool,
    #[serde(serialize_with = "maybe_time")]
    pub last_login_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<Listed> for UserRow {
    fn from(user: Listed) -> Self {
        Self {
            id: user.id.0,
            email: user.email.parse::<Email>().map_or(user.email, |email| email.shown()),
            username: user.username,
            name: user.name,
            role: user.role,
            status: user.status,
            suspension_reason: user.suspension_reason,
            email_verified: user.email_verified_at.is_some(),
            second_factor: user.second_factor,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
        }
    }
}

/// Accounts, the newest first.
#[utoipa::path(get, path = "/admin/users", tag = "admin users", params(UserQuery, Page), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<UserRow>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::QueryTooSlow])),
        ("x-permission" = json!("users:manage"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<UsersManage>,
    StrictQuery(query): StrictQuery<UserQuery>,
) -> Result<Reply<Vec<UserRow>>, Error> {
    let filter = Filter { role: query.role, status: query.status, search: query.q };
    let (found, total) = user_lists::page(&state.db, &filter, query.page.offset(), query.page.limit).await?;
    let rows = found.into_iter().map(UserRow::from).collect();
    Ok(Reply::ok(rows).meta(query.page.meta(total)).header(header::CACHE_CONTROL, "no-store"))
}

/// One account.
#[utoipa::path(get, path = "/admin/users/{id}", tag = "admin users", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "It", body = Envelope<UserRow>)),
    extensions(("x-errors" = json!([Code::Forbidden, Code::NotFound])), ("x-permission" = json!("users:manage"))))]
pub async fn get(
    State(state): State<AppState>,
    _: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
) -> Result<Reply<UserRow>, Error> {
    shown(&state, id).await
}

async fn shown(state: &AppState, id: UserId) -> Result<Reply<UserRow>, Error> {
    let found = user_lists::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(UserRow::from(found)).header(header::CACHE_CONTROL, "no-store"))
}

async fn administer(
    state: &AppState,
    client: &ClientInfo,
    user: &CurrentUser,
    id: UserId,
    act: Act,
    reason: &str,
) -> Result<Reply<UserRow>, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let act = jobs::administer(tx, id, act, Some(user.id), reason, now).await?;
        audit_log::append(tx, &entry(client, user, &act, now)).await?;
        Ok(())
    })?;
    shown(state, id).await
}

#[derive(ToSchema)]
pub struct NewRole {
    #[schema(schema_with = words::role)]
    role: Role,
    /// Kept in the audit log.
    #[schema(min_length = 1, max_length = 500, example = "joins the team")]
    reason: String,
}

impl Input for NewRole {
    fn read(fields: &mut Fields) -> Option<Self> {
        let role = fields.required("role", fields::word);
        let reason = fields.required("reason", reason);
        Some(Self { role: role?, reason: reason? })
    }
}

/// Gives somebody another role. It counts for their next request, and a mail tells them. Nobody changes their own, and one admin stays.
#[utoipa::path(put, path = "/admin/users/{id}/role", tag = "admin users", params(("id" = Uuid, Path,)),
    request_body = NewRole, security(("bearer" = [])),
    responses((status = 200, description = "Changed", body = Envelope<UserRow>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::OwnAccount, Code::LastAdmin, Code::AccountState,
        Code::AccountUnconfirmed
    ])), ("x-permission" = json!("users:manage"))))]
pub async fn set_role(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
    Json(form): Json<NewRole>,
) -> Result<Reply<UserRow>, Error> {
    administer(&state, &client, &user, id, Act::SetRole(form.role), &form.reason).await
}

/// Suspends an account: its sessions end, its personal access tokens are revoked, nobody signs in to it, and a mail tells the owner.
#[utoipa::path(post, path = "/admin/users/{id}/suspend", tag = "admin users", params(("id" = Uuid, Path,)),
    request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "Suspended", body = Envelope<UserRow>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::OwnAccount, Code::LastAdmin, Code::AccountState
    ])), ("x-permission" = json!("users:manage"))))]
pub async fn suspend(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<UserRow>, Error> {
    administer(&state, &client, &user, id, Act::Suspend, &form.reason).await
}

/// Lets a suspended account in again.
#[utoipa::path(post, path = "/admin/users/{id}/unsuspend", tag = "admin users", params(("id" = Uuid, Path,)),
    request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "It is active", body = Envelope<UserRow>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::OwnAccount, Code::AccountState
    ])), ("x-permission" = json!("users:manage"))))]
pub async fn unsuspend(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<UserRow>, Error> {
    administer(&state, &client, &user, id, Act::Unsuspend, &form.reason).await
}

/// Signs somebody out everywhere, and a mail tells them. Personal access tokens stay: `revoke-tokens` ends those.
#[utoipa::path(post, path = "/admin/users/{id}/end-sessions", tag = "admin users", params(("id" = Uuid, Path,)),
    request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "Signed out", body = Envelope<UserRow>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::AccountState
    ])), ("x-permission" = json!("users:manage"))))]
pub async fn end_sessions(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<UserRow>, Error> {
    administer(&state, &client, &user, id, Act::EndSessions, &form.reason).await
}

/// Takes away the second factor of somebody who has lost it, recovery codes and all; a mail tells the owner.
#[utoipa::path(post, path = "/admin/users/{id}/remove-second-factor", tag = "admin users",
    params(("id" = Uuid, Path,)), request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "It is gone", body = Envelope<UserRow>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::OwnAccount, Code::AccountState
    ])), ("x-permission" = json!("users:manage"))))]
pub async fn remove_second_factor(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<UserRow>, Error> {
    administer(&state, &client, &user, id, Act::RemoveSecondFactor, &form.reason).await
}

/// The live personal access tokens of an account, the newest first.
#[utoipa::path(get, path = "/admin/users/{id}/tokens", tag = "admin users", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "Without their secrets", body = Envelope<Vec<TokenView>>)),
    extensions(("x-errors" = json!([Code::Forbidden, Code::NotFound])), ("x-permission" = json!("users:manage"))))]
pub async fn tokens(
    State(state): State<AppState>,
    _: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
) -> Result<Reply<Vec<TokenView>>, Error> {
    users::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let live = personal_tokens::live_of(&state.db, id, state.clock.now()).await?;
    let shown = live.into_iter().map(TokenView::from).collect();
    Ok(Reply::ok(shown).header(header::CACHE_CONTROL, "no-store"))
}

#[derive(ToSchema)]
pub struct TokensRevoked {
    /// Which one; all of them when it is left out.
    #[schema(required = false, value_type = Uuid)]
    token: Option<TokenId>,
    /// Kept in the audit log.
    #[schema(min_length = 1, max_length = 500, example = "it was found in a public repository")]
    reason: String,
}

impl Input for TokensRevoked {
    fn read(fields: &mut Fields) -> Option<Self> {
        let token = fields.optional("token", fields::parsed("01936f2e-7d3c-7abc-8def-0123456789ab"));
        let reason = fields.required("reason", reason);
        Some(Self { token, reason: reason? })
    }
}

/// Revokes personal access tokens of somebody: they stop working at once, and a mail tells the owner.
#[utoipa::path(post, path = "/admin/users/{id}/revoke-tokens", tag = "admin users", params(("id" = Uuid, Path,)),
    request_body = TokensRevoked, security(("bearer" = [])),
    responses((status = 200, description = "Revoked", body = Envelope<UserRow>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::AccountState
    ])), ("x-permission" = json!("users:manage"))))]
pub async fn revoke_tokens(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<UsersManage>,
    Path(id): Path<UserId>,
    Json(form): Json<TokensRevoked>,
) -> Result<Reply<UserRow>, Error> {
    administer(&state, &client, &user, id, Act::RevokeTokens(form.token), &form.reason).await
}
