//! The creator's reply to a rating.

use axum::extract::State;
use domain::{ids::RatingId, rating::Part};
use infra::db::{audit_log, nanos, ratings};
use serde_json::json;

use super::{
    forms::RatingReply,
    limit,
    rating::{propose, shown},
};
use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{ClientInfo, CurrentUser, Json, Path},
    state::AppState,
    views::Rating,
    write::transaction,
};

/// Answers a rating of your nano, in the place of an earlier reply; an empty text takes it away. Like a comment it is scanned
/// first, and in `pending` until then.
#[utoipa::path(put, path = "/ratings/{rating_id}/reply", tag = "ratings", params(("rating_id" = uuid::Uuid, Path,)),
    request_body = RatingReply, security(("bearer" = [])),
    responses((status = 200, description = "The rating as it is now", body = Envelope<Rating>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::RatingRemoved
    ])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn reply(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<RatingId>,
    Json(form): Json<RatingReply>,
) -> Result<Reply<Rating>, Error> {
    let there = ratings::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let nano = nanos::get(&state.db, there.nano_id).await?.ok_or_else(Error::not_found)?;
    user.require_owner(&nano)?;
    let limit = limit(&state, &user).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let rating = ratings::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        rating.status.edit()?;
        propose(tx, &rating, (Part::Reply, &form.text), user.id, now).await?;
        let details = json!({"nano_id": nano.id, "empty": form.text.is_empty()});
        let entry = client.audit("rating.reply", Some(user.id), ("rating", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let rating = shown(&state, &state.reads.at_the_primary(), Some(&user), id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(rating).limit(limit))
}
