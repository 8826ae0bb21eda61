//! The whole URL table. Every route has its line here and is in the OpenAPI document with every status and code.

pub mod admin_jobs;
pub mod admin_jobs_bulk;
pub mod admin_jobs_detail;
pub mod admin_jobs_errors;
pub mod admin_jobs_events;
pub mod admin_jobs_queues;
pub mod admin_jobs_stats;
pub mod admin_jobs_workers;
pub mod auth;
pub mod categories;
mod declared;
pub mod docs;
pub mod events;
pub mod fleet;
pub mod job_events;
pub mod jobs;
mod kinds;
pub mod limits;
pub mod moderation;
mod nano_forms;
pub mod nanos;
pub mod operate;
pub mod ops;
pub mod pauses;
pub mod registration;
pub mod schedules;
pub mod search;
pub mod uploads;
pub mod versions;

use axum::{Router, routing};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use admin_jobs_events::view as live_view;

use crate::{code::Code, error::Error, openapi, state::AppState};

/// Routes and the document that describes them.
pub fn table() -> OpenApiRouter<AppState> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(registration::register))
        .routes(routes!(registration::verify_email))
        .routes(routes!(registration::resend_verification))
        .routes(routes!(registration::accept_creator_terms))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh_token))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::me))
        .routes(routes!(categories::list))
        .routes(routes!(nanos::list, nanos::create))
        .routes(routes!(nanos::mine))
        .routes(routes!(nanos::get, nanos::edit, nanos::remove))
        .routes(routes!(nanos::withdraw))
        .routes(routes!(nanos::restore))
        .routes(routes!(versions::list))
        .routes(routes!(versions::get))
        .routes(routes!(versions::download))
        .routes(routes!(events::stream))
        .routes(routes!(uploads::put_file))
        .routes(routes!(uploads::get, uploads::remove))
        .routes(routes!(uploads::finish))
        .routes(routes!(search::search))
        .routes(routes!(jobs::get))
        .routes(routes!(job_events::stream))
        .routes(routes!(operate::retry))
        .routes(routes!(operate::cancel))
        .routes(routes!(operate::discard))
        .routes(routes!(pauses::pause_queue))
        .routes(routes!(pauses::resume_queue))
        .routes(routes!(pauses::pause_kind))
        .routes(routes!(pauses::resume_kind))
        .routes(routes!(limits::list))
        .routes(routes!(limits::set, limits::remove))
        .routes(routes!(fleet::drain))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::run))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(admin_jobs::list))
        .routes(routes!(admin_jobs_errors::list))
        .routes(routes!(admin_jobs_queues::get))
        .routes(routes!(admin_jobs_workers::list))
        .routes(routes!(admin_jobs_stats::get))
        .routes(routes!(admin_jobs_events::stream))
        .routes(routes!(admin_jobs_bulk::begin))
        .routes(routes!(admin_jobs_bulk::get))
        .routes(routes!(admin_jobs_detail::get))
        .routes(routes!(moderation::queue))
        .routes(routes!(moderation::decide))
        .routes(routes!(moderation::audit));
    OpenApiRouter::with_openapi(openapi::base())
        .nest("/api/v1", v1)
        .routes(routes!(ops::health))
        .routes(routes!(ops::ready))
        .routes(routes!(ops::version))
        .routes(routes!(ops::jwks))
}

/// The table as a router, with the document's own addresses and answers for everything else.
pub fn router() -> Router<AppState> {
    let (router, _) = table().split_for_parts();
    router
        .route("/api/v1/openapi.json", routing::get(docs::document))
        .route("/docs", routing::get(docs::page))
        .route("/docs/style.css", routing::get(docs::style))
        .fallback(async || Error::not_found())
        .method_not_allowed_fallback(async || Error::new(Code::MethodNotAllowed))
}
