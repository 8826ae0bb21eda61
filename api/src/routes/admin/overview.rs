//! The first page of operations.

use axum::extract::State;
use http::header;

use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{JobsRead, RequirePermission},
    state::AppState,
    views::Overview,
};

/// How everything is: one sentence in German and in English, figures, queues, causes of failures, and how runs ended within the
/// last hour. The topic `overview` of `/admin/jobs/events` tells the same whenever it changes.
#[utoipa::path(get, path = "/admin/overview", tag = "admin jobs", security(("bearer" = [])),
    responses((status = 200, description = "As it is", body = Envelope<Overview>)),
    extensions(("x-errors" = json!([Code::Forbidden, Code::QueryTooSlow])), ("x-permission" = json!("jobs:read"))))]
pub async fn get(State(state): State<AppState>, _: RequirePermission<JobsRead>) -> Result<Reply<Overview>, Error> {
    let view = Overview::of(&state.db).await?;
    Ok(Reply::ok(view).header(header::CACHE_CONTROL, "private, no-store"))
}
