//! Lists of nanos, as whoever keeps them sees and changes them. `shared.rs` has what others see.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    collection::{LIST_NANOS_MAX, LISTS_MAX, Visibility},
    ids::{ListId, NanoId},
};
use http::{StatusCode, header};
use infra::db::{
    audit_log, nanos,
    saved_lists::{self, Entry, NewSavedList},
    users,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Kept,
    forms::{Arrangement, EditList, NewList},
    kept,
};
use crate::{
    reads::{Chosen, read},
    reply::{Code, Envelope, Error, FieldError, Issue, Reply, Written, time},
    request::{ClientInfo, CurrentUser, IfMatch, Json, Keyed, Path},
    state::AppState,
    views::words,
    write::{once, transaction},
};

/// A list of nanos.
#[derive(Serialize, ToSchema)]
pub struct SavedList {
    pub id: Uuid,
    pub name: String,
    /// May be empty.
    pub description: String,
    #[schema(schema_with = words::visibility)]
    pub visibility: Visibility,
    /// Raised by every edit, of what is on it too: an edit may name it in `If-Match`, in quotes.
    #[schema(example = 1)]
    pub revision: u32,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

impl From<saved_lists::SavedList> for SavedList {
    fn from(list: saved_lists::SavedList) -> Self {
        Self {
            id: list.id.0,
            visibility: list.visibility(),
            name: list.name,
            description: list.description,
            revision: list.revision,
            created_at: list.created_at,
            updated_at: list.updated_at,
        }
    }
}

/// A list with what is on it.
#[derive(Serialize, ToSchema)]
pub struct SavedListDetail {
    #[serde(flatten)]
    pub list: SavedList,
    /// In its order. What is off the shelf is there without its nano.
    pub nanos: Vec<Kept>,
}

async fn detail(
    state: &AppState,
    at: &Chosen,
    user: &CurrentUser,
    id: ListId,
) -> Result<Reply<SavedListDetail>, Error> {
    let list = saved_lists::get(&at.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    let entries = saved_lists::entries(&at.db, id).await?;
    let entries: Vec<_> = entries.iter().map(|entry| (entry.nano_id, entry.added_at)).collect();
    let (revision, nanos) = (list.revision, kept(state, at, &entries).await?);
    let reply = Reply::ok(SavedListDetail { list: list.into(), nanos });
    Ok(reply.header(header::CACHE_CONTROL, "private, no-cache").revised(revision))
}

/// Your lists, the newest first: all there are, 100 at most.
#[utoipa::path(get, path = "/users/me/lists", tag = "collections", security(("bearer" = [])),
    responses((status = 200, description = "Without what is on them", body = Envelope<Vec<SavedList>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([]))))]
pub async fn mine(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Vec<SavedList>>, Error> {
    let chosen = state.reads.of(&state.cache, user.id).await;
    let lists = read!(state.reads, chosen, |at| { Ok(saved_lists::of(&at.db, user.id).await?) })?;
    let lists = lists.into_iter().map(SavedList::from).collect();
    Ok(Reply::ok(lists).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}

/// Makes an empty list, which nobody else sees.
#[utoipa::path(post, path = "/lists", tag = "collections", request_body = NewList, security(("bearer" = [])),
    responses((status = 201, description = "The list", body = Envelope<SavedList>,
        headers(("Location" = String, description = "The list")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::CollectionFull])),
        ("x-permission" = json!("signed_in"))))]
pub async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    Keyed(Json(form), key): Keyed<Json<NewList>>,
) -> Result<Written, Error> {
    let (id, now) = (ListId::new(), state.clock.now());
    let description = form.description.as_deref().unwrap_or_default();
    let new = NewSavedList { id, user_id: user.id, name: &form.name, description };
    once!(state, key, now, |tx| {
        // Of two requests at once the second counts what the first has made.
        users::lock(tx, user.id).await?;
        if saved_lists::count(tx, user.id).await? >= LISTS_MAX {
            return Err(Error::with(Code::CollectionFull, json!({"limit": LISTS_MAX})));
        }
        saved_lists::insert(tx, &new, now).await?;
        let list = saved_lists::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        Ok(Reply::created(SavedList::from(list), &format!("/api/v1/lists/{id}")))
    })
}

/// One of your lists with what is on it.
#[utoipa::path(get, path = "/lists/{id}", tag = "collections", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The list", body = Envelope<SavedListDetail>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<ListId>,
) -> Result<Reply<SavedListDetail>, Error> {
    let chosen = state.reads.of(&state.cache, user.id).await;
    read!(state.reads, chosen, |at| { detail(&state, at, &user, id).await })
}

/// Changes name and description of a list; fields that are left out stay. `If-Match` with the `ETag` of what was read refuses the
/// edit (412) when the list was edited since.
#[utoipa::path(patch, path = "/lists/{id}", tag = "collections", params(("id" = Uuid, Path,)),
    request_body = EditList, security(("bearer" = [])),
    responses((status = 200, description = "The list as it is now", body = Envelope<SavedListDetail>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::NotFound])),
        ("x-permission" = json!("signed_in"))))]
pub async fn edit(
    State(state): State<AppState>,
    user: CurrentUser,
    if_match: IfMatch,
    Path(id): Path<ListId>,
    Json(form): Json<EditList>,
) -> Result<Reply<SavedListDetail>, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let mut list = saved_lists::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        if_match.check(&list.revision.to_string())?;
        if let Some(name) = &form.name {
            list.name.clone_from(name);
        }
        if let Some(description) = &form.description {
            list.description.clone_from(description);
        }
        saved_lists::update(tx, &list, now).await?;
        Ok(())
    })?;
    detail(&state, &state.reads.at_the_primary(), &user, id).await
}

/// Deletes a list with its link. The nanos stay where they are.
#[utoipa::path(delete, path = "/lists/{id}", tag = "collections", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "Gone")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn remove(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<ListId>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let list = saved_lists::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        saved_lists::delete(tx, id).await?;
        if list.shared {
            let entry = client.audit("list.unshare", Some(user.id), ("list", Some(id.0)), json!({}), now);
            audit_log::append(tx, &entry).await?;
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what is on a list, and in which order, in the place of what is on it. New on it can be what is published; what is off the
/// shelf by now may stay. `If-Match` as with a change of its name.
#[utoipa::path(put, path = "/lists/{id}/nanos", tag = "collections", params(("id" = Uuid, Path,)),
    request_body = Arrangement, security(("bearer" = [])),
    responses((status = 200, description = "The list as it is now", body = Envelope<SavedListDetail>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::NotFound])),
        ("x-permission" = json!("signed_in"))))]
pub async fn arrange(
    State(state): State<AppState>,
    user: CurrentUser,
    if_match: IfMatch,
    Path(id): Path<ListId>,
    Json(form): Json<Arrangement>,
) -> Result<Reply<SavedListDetail>, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let list = saved_lists::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        if_match.check(&list.revision.to_string())?;
        let there = saved_lists::entries_in(tx, id).await?;
        let fresh: Vec<NanoId> =
            form.nano_ids.iter().filter(|id| !there.iter().any(|entry| entry.nano_id == **id)).copied().collect();
        let public = nanos::public_among(tx, &fresh).await?;
        let unknown: Vec<_> = fresh
            .iter()
            .filter(|id| !public.contains(id))
            .map(|id| FieldError::new("nano_ids", Issue::NoSuch(id.to_string())))
            .collect();
        if !unknown.is_empty() {
            return Err(Error::Fields(unknown));
        }
        let entries: Vec<Entry> = form
            .nano_ids
            .iter()
            .map(|id| {
                there
                    .iter()
                    .find(|entry| entry.nano_id == *id)
                    .copied()
                    .unwrap_or(Entry { nano_id: *id, added_at: now })
            })
            .collect();
        saved_lists::set_entries(tx, id, &entries, now).await?;
        Ok(())
    })?;
    detail(&state, &state.reads.at_the_primary(), &user, id).await
}

/// Puts a published nano at the end of a list; again changes nothing.
#[utoipa::path(put, path = "/lists/{id}/nanos/{nano_id}", tag = "collections",
    params(("id" = Uuid, Path,), ("nano_id" = Uuid, Path,)), security(("bearer" = [])),
    responses((status = 204, description = "It is on the list")),
    extensions(("x-errors" = json!([Code::NotFound, Code::CollectionFull])), ("x-permission" = json!("signed_in"))))]
pub async fn add(
    State(state): State<AppState>,
    user: CurrentUser,
    Path((id, nano_id)): Path<(ListId, NanoId)>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        saved_lists::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        let mut entries = saved_lists::entries_in(tx, id).await?;
        if entries.iter().any(|entry| entry.nano_id == nano_id) {
            return Ok(());
        }
        if nanos::public_among(tx, &[nano_id]).await?.is_empty() {
            return Err(Error::not_found());
        }
        if entries.len() >= LIST_NANOS_MAX {
            return Err(Error::with(Code::CollectionFull, json!({"limit": LIST_NANOS_MAX})));
        }
        entries.push(Entry { nano_id, added_at: now });
        saved_lists::set_entries(tx, id, &entries, now).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a nano off a list, if it is on it.
#[utoipa::path(delete, path = "/lists/{id}/nanos/{nano_id}", tag = "collections",
    params(("id" = Uuid, Path,), ("nano_id" = Uuid, Path,)), security(("bearer" = [])),
    responses((status = 204, description = "It is not on the list")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn take_off(
    State(state): State<AppState>,
    user: CurrentUser,
    Path((id, nano_id)): Path<(ListId, NanoId)>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        saved_lists::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        let mut entries = saved_lists::entries_in(tx, id).await?;
        let before = entries.len();
        entries.retain(|entry| entry.nano_id != nano_id);
        if entries.len() < before {
            saved_lists::set_entries(tx, id, &entries, now).await?;
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
