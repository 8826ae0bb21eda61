//! Favourites.

use axum::extract::State;
use domain::{collection::FAVORITES_MAX, ids::NanoId};
use http::{StatusCode, header};
use infra::db::{favorites, nanos};
use serde_json::json;

use super::{Kept, kept};
use crate::{
    reads::read,
    reply::{Code, Envelope, Error, Reply},
    request::{CurrentUser, Page, Path, Query},
    state::AppState,
    write::transaction,
};

/// Makes a published nano one of your favourites; again changes nothing.
#[utoipa::path(put, path = "/favorites/{nano_id}", tag = "collections", params(("nano_id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "It is one")),
    extensions(("x-errors" = json!([Code::NotFound, Code::CollectionFull])), ("x-permission" = json!("signed_in"))))]
pub async fn add(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<NanoId>,
) -> Result<StatusCode, Error> {
    let nano = nanos::get(&state.db, id).await?.filter(|nano| nano.status.is_public());
    nano.ok_or_else(Error::not_found)?;
    if favorites::has(&state.db, user.id, id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    // Of many at once some may pass: the bound keeps a list within reason, and is nobody's right.
    if favorites::count(&state.db, user.id).await? >= FAVORITES_MAX {
        return Err(Error::with(Code::CollectionFull, json!({"limit": FAVORITES_MAX})));
    }
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        favorites::add(tx, user.id, id, now).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a nano from your favourites, if it is one, whatever has become of it.
#[utoipa::path(delete, path = "/favorites/{nano_id}", tag = "collections", params(("nano_id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "It is none")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn remove(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<NanoId>,
) -> Result<StatusCode, Error> {
    let removed = transaction!(state.db, |tx| { Ok(favorites::remove(tx, user.id, id).await?) })?;
    if !removed && nanos::get(&state.db, id).await?.is_none() {
        return Err(Error::not_found());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Your favourites, the newest first. What is off the shelf is there without its nano.
#[utoipa::path(get, path = "/users/me/favorites", tag = "collections", params(Page), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<Kept>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::ValidationFailed]))))]
pub async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    Query(page): Query<Page>,
) -> Result<Reply<Vec<Kept>>, Error> {
    let chosen = state.reads.of(&state.cache, user.id).await;
    let (list, total) = read!(state.reads, chosen, |at| {
        let (rows, total) = favorites::page(&at.db, user.id, page.offset(), page.limit).await?;
        let entries: Vec<_> = rows.iter().map(|row| (row.nano_id, row.created_at)).collect();
        Ok((kept(&state, at, &entries).await?, total))
    })?;
    Ok(Reply::ok(list).meta(page.meta(total)).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}
