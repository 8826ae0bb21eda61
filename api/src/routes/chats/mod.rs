//! Chats (`/chats`): sessions, messages, reports, and the socket that carries messages as they come.

mod cursor;
pub mod messages;
pub mod reports;
pub mod sessions;
mod settings;
mod socket;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

pub use self::settings::{ChatArgs, ChatSettings};

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(sessions::list, sessions::begin))
        .routes(routes!(sessions::unread))
        .routes(routes!(sessions::get))
        .routes(routes!(sessions::close))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(messages::read))
        .routes(routes!(reports::report))
        .routes(routes!(reports::list))
        .routes(routes!(reports::decide))
        .routes(routes!(socket::chat_socket))
}
