//! The ledger as operators look through it (`/admin/jobs`).

pub mod bulk;
mod change;
mod detail;
mod errors;
mod events;
mod filter;
mod list;
pub(super) mod paging;
mod similar;
mod stats;
mod titles;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(errors::list))
        .routes(routes!(stats::get))
        .routes(routes!(events::stream))
        .routes(routes!(bulk::begin, bulk::list_all))
        .routes(routes!(bulk::get))
        .routes(routes!(similar::get))
        .routes(routes!(detail::get, change::change))
}
