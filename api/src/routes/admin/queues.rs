//! The page of the queues.

use axum::extract::State;
use http::header;
use utoipa::IntoParams;

use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{
        JobsRead, RequirePermission, StrictQuery,
        fields::{Fields, Input, whole},
    },
    state::AppState,
    views::QueuesView,
};

/// Minutes that may be asked for at most.
const WINDOW_MAX: u64 = 2 * 60;

/// What is averaged over.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QueuesQuery {
    /// Percentiles and throughput cover so many whole minutes back from now.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 120, default = 60)]
    window_minutes: u64,
}

impl Input for QueuesQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            window_minutes: fields.optional("window_minutes", whole(1, WINDOW_MAX)).unwrap_or(QueuesView::WINDOW),
        })
    }
}

/// Every queue: jobs by state, the oldest one's age, waits, runs and throughput of the last minutes, pauses and limits.
#[utoipa::path(get, path = "/admin/jobs/queues", tag = "admin jobs", params(QueuesQuery), security(("bearer" = [])),
    responses((status = 200, description = "The queues", body = Envelope<QueuesView>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::QueryTooSlow])), ("x-permission" = json!("jobs:read"))))]
pub async fn get(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<QueuesQuery>,
) -> Result<Reply<QueuesView>, Error> {
    let view = QueuesView::of(&state.db, state.clock.now(), query.window_minutes).await?;
    Ok(Reply::ok(view).header(header::CACHE_CONTROL, "private, no-store"))
}
