//! What people are told of (`/me/notifications`), by which channels (`/me/notification-preferences`), and the links that end mails
//! (`/unsubscribe`).

pub mod list;
pub mod preferences;
mod unsubscribe;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::read_up_to))
        .routes(routes!(list::read))
        .routes(routes!(preferences::list))
        .routes(routes!(preferences::edit))
        .routes(routes!(unsubscribe::show, unsubscribe::end))
}
