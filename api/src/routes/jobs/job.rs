//! Background work as its owner sees it.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::user::Permission;
use http::header;
use queue::{
    ids::JobId,
    ledger::{self as ledger, JobRow, State as JobState, flow_members, history::attempts},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Reply, maybe_time},
    request::{ClientInfo, CurrentUser, Path},
    state::AppState,
    views::{Explanation, Job, Retry, Waiting},
};

/// A job, the jobs it is tied to, and what its owner asks about it.
#[derive(Serialize, ToSchema)]
pub struct JobDetail {
    #[serde(flatten)]
    pub job: Job,
    /// The job that waits for this one and its siblings.
    pub parent_id: Option<Uuid>,
    /// The jobs this one waits for.
    pub children: Vec<Job>,
    /// What is wrong, in plain words; none while all goes as it should.
    pub trouble: Option<Explanation>,
    /// Whether the caller can try it again (`POST /jobs/{id}/retry`).
    pub retry: Retry,
    /// When it runs again, while it waits for a time.
    #[serde(serialize_with = "maybe_time")]
    pub next_run_at: Option<DateTime<Utc>>,
    /// Its place in the queue, while it waits for a free worker.
    pub waiting: Option<Waiting>,
}

/// The job if the caller may know of it: its owner, and those who may see all jobs.
pub(crate) async fn visible(state: &AppState, user: &CurrentUser, id: JobId) -> Result<JobRow, Error> {
    let row = ledger::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    if row.tenant == user.id.0 || user.allows(Permission::JobsRead) { Ok(row) } else { Err(Error::not_found()) }
}

/// One job: for its owner, and for those who may see all jobs. While it waits for a free worker, `waiting` has its place
/// in the queue and an estimate made of what the queue did in the last ten minutes.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = uuid::Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The job", body = Envelope<JobDetail>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("owner/jobs:read"))))]
pub async fn get(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<JobId>,
) -> Result<Reply<JobDetail>, Error> {
    let row = visible(&state, &user, id).await?;
    let full = user.allows(Permission::JobsRead);
    let parent_id = match row.flow_id {
        Some(flow) => flow_members::parent_of(&state.db, flow).await?.map(Uuid::from),
        None => None,
    };
    let children = flow_members::children_of(&state.db, id).await?;
    let children = children.into_iter().map(|child| Job::of(child, full)).collect();
    let class = attempts::last_class(&state.db, id).await?;
    let retry = if user.allows(Permission::JobsOperate) {
        Retry::by_operator(row.state)
    } else if row.tenant == user.id.0 {
        Retry::by_owner(&row)
    } else {
        Retry::not_allowed()
    };
    let detail = JobDetail {
        parent_id,
        children,
        trouble: Explanation::of(row.state, class.as_deref(), client.language),
        retry,
        next_run_at: matches!(row.state, JobState::Scheduled | JobState::Retryable).then_some(row.run_at),
        waiting: Waiting::of(&state.db, &row).await?,
        job: Job::of(row, full),
    };
    let reply = Reply::ok(detail).header(header::CACHE_CONTROL, "private, no-cache");
    Ok(reply.header(header::CONTENT_LANGUAGE, client.language.as_str()).tagged())
}
