//! What people think of nanos (`/nanos/{id}/ratings`, `/ratings`).

pub mod forms;
mod helpful;
mod judged;
mod list;
mod rating;
mod reply;

use std::time::Duration;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::judged::{JudgedWords, judge};
use crate::{
    reply::{Code, Error, RateLimit},
    request::CurrentUser,
    state::AppState,
};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, rating::create))
        .routes(routes!(rating::get, rating::edit, rating::remove))
        .routes(routes!(reply::reply))
        .routes(routes!(helpful::add, helpful::take_back))
}

/// What somebody writes is read by others: not too much of it.
async fn limit(state: &AppState, user: &CurrentUser) -> Result<RateLimit, Error> {
    let quota = state.settings.ratings_per_hour;
    let counted = state.cache.hit(&format!("ratings:{}", user.id), quota, HOUR).await;
    RateLimit { policy: "ratings", quota, window: HOUR, state: counted }.check(Code::RateLimited)
}
