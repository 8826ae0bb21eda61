//! Accounts: signing up, in and out (`/auth`, `/users/me`).

mod cookie;
mod login;
pub mod password;
pub mod registration;
mod session;
mod sessions;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(registration::register))
        .routes(routes!(registration::verify_email))
        .routes(routes!(registration::resend_verification))
        .routes(routes!(registration::accept_creator_terms))
        .routes(routes!(login::login))
        .routes(routes!(login::refresh_token))
        .routes(routes!(login::logout))
        .routes(routes!(login::me))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(password::change))
}
