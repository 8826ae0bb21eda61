//! Pausing queues, kinds of jobs, and everything: what runs goes on, nothing else starts.

use axum::extract::State;
use chrono::{DateTime, Utc};
use infra::db::audit_log;
use jobs::QUEUES;
use queue::{
    Queue, control,
    ledger::{
        By,
        controls::pauses::{EVERYTHING, Scope},
    },
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::kinds;
use crate::{
    reply::{Code, Envelope, Error, Reply, maybe_time},
    request::{
        ClientInfo, CurrentUser, JobsOperate, Json, Name, Path, RequirePermission,
        fields::{self, Fields, Input},
    },
    routes::jobs::reason::{Reasoned, entry, reason},
    state::AppState,
    views::words,
    write::transaction,
};

/// Why, and for how long.
#[derive(ToSchema)]
pub struct NewPause {
    /// Kept in the audit log, and shown beside what is paused.
    #[schema(min_length = 1, max_length = 500, example = "the disk of the media workers is full")]
    pub reason: String,
    /// When it ends by itself: at most 30 days from now. Without it, it lasts until somebody resumes.
    #[schema(required = false, minimum = 1, maximum = 2_592_000)]
    pub(super) expires_in_seconds: Option<u64>,
}

impl Input for NewPause {
    fn read(fields: &mut Fields) -> Option<Self> {
        let reason = fields.required("reason", reason);
        let expires_in_seconds = fields.optional("expires_in_seconds", fields::whole(1, control::PAUSE_LIMIT));
        Some(Self { reason: reason?, expires_in_seconds })
    }
}

/// A pause, or its end.
#[derive(Serialize, ToSchema)]
pub struct PauseChange {
    #[schema(schema_with = words::pause_scope)]
    pub scope: Scope,
    /// Of the queue or kind; `all` for everything.
    pub name: String,
    pub paused: bool,
    /// When it ends by itself.
    #[serde(serialize_with = "maybe_time")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Pauses a queue: no job of it starts any more, on no worker, within a second. What runs goes on. Pausing it again
/// changes reason and end.
#[utoipa::path(post, path = "/admin/jobs/queues/{queue}/pause", tag = "admin jobs",
    params(("queue" = String, Path, example = "media")), request_body = NewPause, security(("bearer" = [])),
    responses((status = 200, description = "Paused", body = Envelope<PauseChange>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn pause_queue(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(queue): Path<Name>,
    Json(form): Json<NewPause>,
) -> Result<Reply<PauseChange>, Error> {
    pause(&state, &client, &user, Scope::Queue, known_queue(&queue)?, form).await
}

/// Lets a paused queue go on.
#[utoipa::path(post, path = "/admin/jobs/queues/{queue}/resume", tag = "admin jobs",
    params(("queue" = String, Path, example = "media")), request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "It goes on", body = Envelope<PauseChange>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::NotPaused])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn resume_queue(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(queue): Path<Name>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<PauseChange>, Error> {
    resume(&state, &client, &user, Scope::Queue, known_queue(&queue)?, &form.reason).await
}

/// Pauses everything: no job starts any more, whatever its queue and kind, within a second. What runs goes on, and what is
/// enqueued waits. Other pauses stay as they are beside it. Doing it again changes reason and end.
#[utoipa::path(post, path = "/admin/jobs/pause", tag = "admin jobs", request_body = NewPause, security(("bearer" = [])),
    responses((status = 200, description = "Paused", body = Envelope<PauseChange>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])), ("x-permission" = json!("jobs:operate"))))]
pub async fn pause_all(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Json(form): Json<NewPause>,
) -> Result<Reply<PauseChange>, Error> {
    pause(&state, &client, &user, Scope::All, EVERYTHING, form).await
}

/// Ends the pause of everything; queues and kinds that were paused by themselves stay so.
#[utoipa::path(post, path = "/admin/jobs/resume", tag = "admin jobs", request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "It goes on", body = Envelope<PauseChange>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotPaused])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn resume_all(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<PauseChange>, Error> {
    resume(&state, &client, &user, Scope::All, EVERYTHING, &form.reason).await
}

/// Pauses a kind of job, in whatever queue. Its jobs step aside (`blocked`), others of the queue go on.
#[utoipa::path(post, path = "/admin/jobs/kinds/{kind}/pause", tag = "admin jobs",
    params(("kind" = String, Path, example = "scan_content")), request_body = NewPause, security(("bearer" = [])),
    responses((status = 200, description = "Paused", body = Envelope<PauseChange>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn pause_kind(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(kind): Path<Name>,
    Json(form): Json<NewPause>,
) -> Result<Reply<PauseChange>, Error> {
    kinds::known(&state, &kind).await?;
    pause(&state, &client, &user, Scope::Kind, &kind, form).await
}

/// Lets a paused kind of job go on.
#[utoipa::path(post, path = "/admin/jobs/kinds/{kind}/resume", tag = "admin jobs",
    params(("kind" = String, Path, example = "scan_content")), request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "It goes on", body = Envelope<PauseChange>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::NotPaused])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn resume_kind(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(kind): Path<Name>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<PauseChange>, Error> {
    kinds::known(&state, &kind).await?;
    resume(&state, &client, &user, Scope::Kind, &kind, &form.reason).await
}

fn known_queue(name: &str) -> Result<&'static str, Error> {
    QUEUES.parse(name).map(Queue::as_str).map_err(|_| Error::with(Code::NotFound, json!({ "queues": QUEUES.names() })))
}

async fn pause(
    state: &AppState,
    client: &ClientInfo,
    user: &CurrentUser,
    scope: Scope,
    name: &str,
    form: NewPause,
) -> Result<Reply<PauseChange>, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    let expires_at = transaction!(state.db, |tx| {
        let (expires_at, act) = control::pause(tx, scope, name, &by, form.expires_in_seconds).await?;
        audit_log::append(tx, &entry(client, user, &act, now)).await?;
        Ok(expires_at)
    })?;
    Ok(Reply::ok(PauseChange { scope, name: name.to_owned(), paused: true, expires_at }))
}

async fn resume(
    state: &AppState,
    client: &ClientInfo,
    user: &CurrentUser,
    scope: Scope,
    name: &str,
    reason: &str,
) -> Result<Reply<PauseChange>, Error> {
    let by = By { actor: Some(user.id.0), reason };
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let act = control::resume(tx, scope, name, &by).await?;
        audit_log::append(tx, &entry(client, user, &act, now)).await?;
        Ok(())
    })?;
    Ok(Reply::ok(PauseChange { scope, name: name.to_owned(), paused: false, expires_at: None }))
}
