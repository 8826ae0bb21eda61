//! Jobs for whoever may see them (`/jobs`), and what is done to one of them.

mod events;
mod job;
pub mod operate;
pub mod reason;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(job::get))
        .routes(routes!(events::stream))
        .routes(routes!(operate::retry))
        .routes(routes!(operate::cancel))
        .routes(routes!(operate::discard))
        .routes(routes!(operate::rerun))
}
