//! Failures of the same cause as a job's.

use axum::extract::State;
use http::header;
use queue::{
    ids::JobId,
    ledger::{
        self as ledger,
        list::{self, Filter, Total},
        stats::error_groups,
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use super::titles::entitle;
use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{JobsRead, Path, RequirePermission},
    state::AppState,
    views::{AdminJob, Count, ErrorGroup},
};

/// Jobs that are shown.
const SHOWN: u32 = 10;

/// What failed of the same cause as a job; nothing where its newest run did not fail.
#[derive(Serialize, ToSchema)]
pub struct Similar {
    /// Null as well until a worker has written it down, a few seconds after the failure.
    pub cause: Option<ErrorGroup>,
    /// Jobs whose newest failure has this cause, this one among them.
    pub total: Count,
    /// The newest ten others.
    pub jobs: Vec<AdminJob>,
}

/// Failures of the same cause as the newest one of this job: the cause, how many jobs it holds up, and the newest ten others.
#[utoipa::path(get, path = "/admin/jobs/{id}/similar", tag = "admin jobs", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The failures", body = Envelope<Similar>)),
    extensions(("x-errors" = json!([Code::Forbidden, Code::NotFound, Code::QueryTooSlow])), ("x-permission" = json!("jobs:read"))))]
pub async fn get(
    State(state): State<AppState>,
    RequirePermission { user, .. }: RequirePermission<JobsRead>,
    Path(id): Path<JobId>,
) -> Result<Reply<Similar>, Error> {
    let row = ledger::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let mut similar = match row.fingerprint {
        None => Similar { cause: None, total: Total::default().into(), jobs: Vec::new() },
        Some(fingerprint) => {
            let of_cause = error_groups::Filter { fingerprint: Some(fingerprint), ..error_groups::Filter::default() };
            let (causes, _) = error_groups::page(&state.db, &of_cause, None, 1).await?;
            let filter = Filter { fingerprint: Some(fingerprint), ..Filter::default() };
            let page = list::page(&state.db, &filter, None, SHOWN + 1).await?;
            let others = page.jobs.into_iter().filter(|job| job.id != id).take(SHOWN as usize);
            Similar {
                cause: causes.into_iter().next().map(ErrorGroup::from),
                total: page.total.into(),
                jobs: others.map(AdminJob::from).collect(),
            }
        }
    };
    entitle(&state, &user, &mut similar.jobs).await?;
    Ok(Reply::ok(similar).header(header::CACHE_CONTROL, "private, no-store"))
}
