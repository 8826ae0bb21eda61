//! The fleet, and draining one of its workers.

use axum::extract::State;
use http::header;
use infra::db::audit_log;
use queue::{control, ids::WorkerId, ledger::By};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{
        ClientInfo, JobsOperate, JobsRead, Json, Path, RequirePermission, StrictQuery,
        fields::{Fields, Input, boolean},
    },
    routes::jobs::reason::{Reasoned, entry},
    state::AppState,
    views::WorkerView,
    write::transaction,
};

/// Which workers.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WorkersQuery {
    /// `true`: those that ended within the last day, too.
    #[param(value_type = Option<bool>, default = false)]
    ended: bool,
}

impl Input for WorkersQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { ended: fields.optional("ended", boolean).unwrap_or(false) })
    }
}

/// The workers of the fleet, newest first; at most 500.
#[utoipa::path(get, path = "/admin/jobs/workers", tag = "admin jobs", params(WorkersQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "The workers", body = Envelope<Vec<WorkerView>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::QueryTooSlow])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<WorkersQuery>,
) -> Result<Reply<Vec<WorkerView>>, Error> {
    let view = WorkerView::list(&state.db, query.ended).await?;
    Ok(Reply::ok(view).header(header::CACHE_CONTROL, "private, no-store"))
}

#[derive(Serialize, ToSchema)]
pub struct Draining {
    pub worker_id: Uuid,
}

/// Asks a worker to take no more jobs, finish those it runs within its drain time, and end, as after a SIGTERM. Whatever
/// started it may start another.
#[utoipa::path(post, path = "/admin/jobs/workers/{id}/drain", tag = "admin jobs", params(("id" = Uuid, Path,)),
    request_body = Reasoned, security(("bearer" = [])),
    responses((status = 202, description = "It was asked; it hears it within a second", body = Envelope<Draining>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::WorkerState])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn drain(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(id): Path<WorkerId>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<Draining>, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let act = control::drain(tx, id, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(())
    })?;
    Ok(Reply::with_status(http::StatusCode::ACCEPTED, Draining { worker_id: id.0 }))
}
