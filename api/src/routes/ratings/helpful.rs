//! Ratings that somebody found helpful.

use axum::extract::State;
use domain::{
    ids::RatingId,
    rating::{self, RatingStatus},
};
use infra::db::{rating_votes, ratings};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rating::public_nano;
use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{CurrentUser, Path},
    state::AppState,
    write::transaction,
};

/// What is said of a rating, by you and by all.
#[derive(Serialize, ToSchema)]
pub struct Helpful {
    pub rating_id: Uuid,
    /// Whether you found it helpful.
    pub helpful: bool,
    /// How many did.
    pub helpful_count: u32,
}

/// Says that a rating was helpful; saying it again changes nothing. Needs a confirmed email address.
#[utoipa::path(put, path = "/ratings/{rating_id}/helpful", tag = "ratings", params(("rating_id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "It counts", body = Envelope<Helpful>)),
    extensions(("x-errors" = json!([Code::EmailNotVerified, Code::OwnRating, Code::NotFound])),
        ("x-permission" = json!("signed_in"))))]
pub async fn add(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<RatingId>,
) -> Result<Reply<Helpful>, Error> {
    user.require_verified()?;
    let there = ratings::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    public_nano(&state, there.nano_id).await?;
    rating::may_find_helpful(there.user_id == user.id)?;
    vote(&state, &user, id, true).await
}

/// Takes back that a rating was helpful, if you had said it.
#[utoipa::path(delete, path = "/ratings/{rating_id}/helpful", tag = "ratings", params(("rating_id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "It does not count", body = Envelope<Helpful>)),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn take_back(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<RatingId>,
) -> Result<Reply<Helpful>, Error> {
    vote(&state, &user, id, false).await
}

async fn vote(state: &AppState, user: &CurrentUser, id: RatingId, helpful: bool) -> Result<Reply<Helpful>, Error> {
    let now = state.clock.now();
    let helpful_count = transaction!(state.db, |tx| {
        let rating = ratings::lock(tx, id).await?.filter(|rating| rating.status == RatingStatus::Published);
        let rating = rating.ok_or_else(Error::not_found)?;
        let (changed, after) = if helpful {
            (rating_votes::add(tx, id, user.id, now).await?, rating.helpful_count + 1)
        } else {
            (rating_votes::remove(tx, id, user.id).await?, rating.helpful_count.saturating_sub(1))
        };
        Ok(if changed { after } else { rating.helpful_count })
    })?;
    Ok(Reply::ok(Helpful { rating_id: id.0, helpful, helpful_count }))
}
