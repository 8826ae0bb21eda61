//! The service itself: its health, its build, its keys, its description.

pub mod docs;
mod health;
pub mod openapi;

pub use health::LastReadiness;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// What load balancers ask.
pub fn probes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(health::ready))
}

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    probes().routes(routes!(health::version)).routes(routes!(health::jwks))
}
