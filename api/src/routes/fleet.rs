//! What operators do to workers.

use axum::extract::State;
use infra::db::audit_log;
use queue::{control, ids::WorkerId, ledger::By};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::operate::{Reasoned, entry};
use crate::{
    client::ClientInfo,
    code::Code,
    error::Error,
    extract::{JobsOperate, Json, Path, RequirePermission},
    reply::{Envelope, Reply},
    state::AppState,
    write::transaction,
};

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
