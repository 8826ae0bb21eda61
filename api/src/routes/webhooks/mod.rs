//! Webhooks of people (`/me/webhooks`): endpoints that are told of what happens to their nanos, and what became of it.

mod deliveries;
mod endpoints;
pub mod forms;
mod secrets;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(endpoints::list, endpoints::create))
        .routes(routes!(endpoints::get, endpoints::edit, endpoints::remove))
        .routes(routes!(secrets::replace))
        .routes(routes!(deliveries::try_it))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::resend))
}
