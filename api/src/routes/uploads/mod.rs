//! Uploads: a file on its way to a version (`/nanos/{id}/file`, `/uploads`).

mod declared;
mod file;
pub mod upload;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(file::put_file))
        .routes(routes!(upload::get, upload::remove))
        .routes(routes!(upload::finish))
}
