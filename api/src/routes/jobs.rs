//! Background work as its owner sees it.

use axum::extract::State;
use domain::{ids::JobId, user::Permission};
use http::header;
use infra::db::{job_family, jobs as ledger};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    code::Code,
    error::Error,
    extract::{CurrentUser, Path},
    reply::{Envelope, Reply},
    state::AppState,
    views::Job,
};

/// A job and the jobs it is tied to.
#[derive(Serialize, ToSchema)]
pub struct JobDetail {
    #[serde(flatten)]
    pub job: Job,
    /// The job that waits for this one and its siblings.
    pub parent_id: Option<Uuid>,
    /// The jobs this one waits for.
    pub children: Vec<Job>,
}

/// One job: for its owner, and for those who may see all jobs.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = uuid::Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The job", body = Envelope<JobDetail>)),
    extensions(("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<JobId>,
) -> Result<Reply<JobDetail>, Error> {
    let row = ledger::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let full = user.allows(Permission::JobsRead);
    if !full && row.tenant != user.id.0 {
        return Err(Error::not_found());
    }
    let parent_id = match row.flow_id {
        Some(flow) => job_family::parent_of(&state.db, flow).await?.map(Uuid::from),
        None => None,
    };
    let children = job_family::children_of(&state.db, id).await?;
    let children = children.into_iter().map(|child| Job::of(child, full)).collect();
    let detail = JobDetail { job: Job::of(row, full), parent_id, children };
    Ok(Reply::ok(detail).header(header::CACHE_CONTROL, "private, no-cache"))
}
