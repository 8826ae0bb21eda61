//! Nanos: finding, making and watching them (`/nanos`, `/categories`, `/search`).

mod categories;
mod download;
mod events;
pub mod forms;
mod nano;
mod own_events;
mod search;
mod versions;

pub(super) use self::versions::visible_at;
pub use nano::known_categories;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(categories::list))
        .routes(routes!(nano::list, nano::create))
        .routes(routes!(nano::mine))
        .routes(routes!(nano::get, nano::edit, nano::remove))
        .routes(routes!(nano::withdraw))
        .routes(routes!(nano::restore))
        .routes(routes!(versions::list))
        .routes(routes!(versions::get))
        .routes(routes!(download::download))
        .routes(routes!(events::stream))
        .routes(routes!(own_events::stream))
        .routes(routes!(search::search))
}
