//! Pages and acts of operators and administrators (`/admin`).

mod audit;
pub mod data_requests;
pub mod jobs;
mod kinds;
pub mod limits;
mod mails;
pub mod maintenance;
mod overview;
pub mod pauses;
mod queues;
mod schedules;
pub mod users;
mod workers;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(jobs::router())
        .routes(routes!(overview::get))
        .routes(routes!(queues::get))
        .routes(routes!(pauses::pause_queue))
        .routes(routes!(pauses::resume_queue))
        .routes(routes!(pauses::pause_all))
        .routes(routes!(pauses::resume_all))
        .routes(routes!(pauses::pause_kind))
        .routes(routes!(pauses::resume_kind))
        .routes(routes!(kinds::list))
        .routes(routes!(limits::list))
        .routes(routes!(limits::set, limits::remove))
        .routes(routes!(workers::list))
        .routes(routes!(workers::drain))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::ticks))
        .routes(routes!(schedules::run))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(mails::ambiguous))
        .routes(routes!(mails::judge))
        .routes(routes!(audit::audit))
        .routes(routes!(maintenance::show))
        .routes(routes!(maintenance::begin, maintenance::end))
        .routes(routes!(data_requests::list, data_requests::begin))
        .routes(routes!(users::list))
        .routes(routes!(users::get))
        .routes(routes!(users::set_role))
        .routes(routes!(users::suspend))
        .routes(routes!(users::unsuspend))
        .routes(routes!(users::end_sessions))
        .routes(routes!(users::tokens))
        .routes(routes!(users::revoke_tokens))
        .routes(routes!(users::remove_second_factor))
}
