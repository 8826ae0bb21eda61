//! Accounts: signing up, in and out (`/auth`, `/users/me`).

pub mod consents;
mod cookie;
pub mod data_export;
pub mod deletion;
mod email;
mod login;
pub mod passkeys;
pub mod password;
pub mod password_reset;
pub mod profile;
pub mod registration;
mod second_factor;
mod session;
mod sessions;
pub mod tokens;

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
        .routes(routes!(tokens::list, tokens::make, tokens::revoke_all))
        .routes(routes!(tokens::revoke))
        .routes(routes!(second_factor::show))
        .routes(routes!(second_factor::set_up))
        .routes(routes!(second_factor::enable))
        .routes(routes!(second_factor::disable))
        .routes(routes!(second_factor::renew_recovery_codes))
        .routes(routes!(passkeys::list, passkeys::add))
        .routes(routes!(passkeys::begin))
        .routes(routes!(passkeys::challenge))
        .routes(routes!(passkeys::login))
        .routes(routes!(passkeys::rename))
        .routes(routes!(passkeys::remove))
        .routes(routes!(consents::list))
        .routes(routes!(consents::give, consents::withdraw))
        .routes(routes!(profile::show, profile::edit))
        .routes(routes!(data_export::ask, data_export::show))
        .routes(routes!(data_export::download))
        .routes(routes!(deletion::ask))
        .routes(routes!(deletion::show, deletion::withdraw))
        .routes(routes!(email::change_email))
        .routes(routes!(email::confirm_email))
        .routes(routes!(password_reset::forgot_password))
        .routes(routes!(password_reset::reset_password))
}
