//! The read-only maintenance mode: on, off, and whether it is.

use axum::extract::State;
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use infra::db::{audit_log, maintenance_mode::Mode};
use jobs::read_only;
use queue::ledger::By;
use serde::Serialize;
use utoipa::ToSchema;

use super::limits::ReasonParams;
use crate::{
    reply::{Code, Envelope, Error, Reply, maybe_time},
    request::{
        ClientInfo, JobsOperate, Json, Query, RequirePermission,
        fields::{self, Fields, Input},
    },
    routes::jobs::reason::{Reasoned, entry, reason},
    state::AppState,
    write::transaction,
};

/// Seconds after which writes are told to come again, unless the operator says.
const RETRY_AFTER: u32 = 60;

/// Why, and when it will be over.
#[derive(ToSchema)]
pub struct NewMaintenance {
    /// For everybody to read, and for the audit log.
    #[schema(min_length = 1, max_length = 500, example = "The database moves; back at 14:00.")]
    reason: String,
    /// What `Retry-After` says; 60 when left out.
    #[schema(required = false, value_type = u32, minimum = 1, maximum = 86_400, default = 60)]
    retry_after_seconds: u32,
}

impl Input for NewMaintenance {
    fn read(fields: &mut Fields) -> Option<Self> {
        let reason = fields.required("reason", reason);
        let wait = fields.optional("retry_after_seconds", fields::whole(1, read_only::RETRY_AFTER_MAX));
        let retry_after_seconds = wait.and_then(|wait| u32::try_from(wait).ok()).unwrap_or(RETRY_AFTER);
        Some(Self { reason: reason?, retry_after_seconds })
    }
}

/// Whether changes are refused just now.
#[derive(Serialize, ToSchema)]
pub struct MaintenanceView {
    pub on: bool,
    pub reason: Option<String>,
    #[serde(serialize_with = "maybe_time")]
    pub since: Option<DateTime<Utc>>,
    pub retry_after_seconds: Option<u32>,
}

impl From<Option<Mode>> for MaintenanceView {
    fn from(mode: Option<Mode>) -> Self {
        let (reason, since, wait) = match mode {
            Some(mode) => (Some(mode.reason), Some(mode.began_at), Some(mode.retry_after_seconds)),
            None => (None, None, None),
        };
        Self { on: since.is_some(), reason, since, retry_after_seconds: wait }
    }
}

/// Whether there is maintenance: reads go on, and whatever would change something is answered 503 `MAINTENANCE`. As it was a
/// second ago.
#[utoipa::path(get, path = "/maintenance", tag = "ops",
    responses((status = 200, description = "As it is", body = Envelope<MaintenanceView>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([]))))]
pub async fn show(State(state): State<AppState>) -> Reply<MaintenanceView> {
    let mode = state.maintenance.current(&state.db).await;
    Reply::ok(mode.into()).header(header::CACHE_CONTROL, "no-cache").tagged()
}

/// Begins maintenance: within a second or two nothing is changed any more through the API, on no process, and no job starts, in
/// no queue; what has begun goes on to its end. Reading, signing in and staying signed in go on. Doing it again changes reason and
/// time. A pause of everything becomes part of it and ends with it.
#[utoipa::path(put, path = "/admin/maintenance", tag = "ops", request_body = NewMaintenance, security(("bearer" = [])),
    responses((status = 200, description = "It has begun", body = Envelope<MaintenanceView>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])), ("x-permission" = json!("jobs:operate"))))]
pub async fn begin(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Json(form): Json<NewMaintenance>,
) -> Result<Reply<MaintenanceView>, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    let mode = transaction!(state.db, |tx| {
        let (mode, act) = read_only::begin(tx, form.retry_after_seconds, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(mode)
    })?;
    state.maintenance.forget();
    Ok(Reply::ok(Some(mode).into()))
}

/// Ends maintenance: changes are taken again, and the queues go on.
#[utoipa::path(delete, path = "/admin/maintenance", tag = "ops", params(ReasonParams), security(("bearer" = [])),
    responses((status = 204, description = "It is over")),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotPaused])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn end(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Query(form): Query<Reasoned>,
) -> Result<StatusCode, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let act = read_only::end(tx, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(())
    })?;
    state.maintenance.forget();
    Ok(StatusCode::NO_CONTENT)
}
