//! Searches that people keep, and are told of new nanos by (`/me/saved-searches`).

pub mod forms;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    ids::SavedSearchId,
    saved_search::{Criteria, SAVED_SEARCHES_MAX},
};
use http::{StatusCode, header};
use infra::db::{saved_searches, users};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::forms::{EditSavedSearch, NewSavedSearch, SearchCriteria};
use crate::{
    reply::{Code, Envelope, Error, Reply, Written, time},
    request::{CurrentUser, IfMatch, Json, Keyed, Path},
    state::AppState,
    write::{once, transaction},
};

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, edit, remove))
}

/// A search that somebody keeps.
#[derive(Serialize, ToSchema)]
pub struct SavedSearch {
    pub id: Uuid,
    pub name: String,
    #[schema(value_type = SearchCriteria)]
    pub search: Criteria,
    /// Whether you are told of new nanos that match.
    pub alerts: bool,
    /// Raised by every edit: an edit may name it in `If-Match`, in quotes.
    #[schema(example = 1)]
    pub revision: u32,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

impl From<saved_searches::SavedSearch> for SavedSearch {
    fn from(row: saved_searches::SavedSearch) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            search: row.criteria.0,
            alerts: row.alerts,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn detail(row: saved_searches::SavedSearch) -> Reply<SavedSearch> {
    let revision = row.revision;
    Reply::ok(SavedSearch::from(row)).header(header::CACHE_CONTROL, "private, no-cache").revised(revision)
}

/// Your saved searches, the newest first: all there are, 25 at most.
#[utoipa::path(get, path = "/me/saved-searches", tag = "saved searches", security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = Envelope<Vec<SavedSearch>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([]))))]
pub async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Vec<SavedSearch>>, Error> {
    let searches = saved_searches::of(&state.db, user.id).await?;
    let searches = searches.into_iter().map(SavedSearch::from).collect();
    Ok(Reply::ok(searches).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}

/// Keeps a search. Unless `alerts` is false, you are told of nanos that are published from now on and match: once a day at most,
/// and of each nano once, whatever the number of searches that find it.
#[utoipa::path(post, path = "/me/saved-searches", tag = "saved searches", request_body = NewSavedSearch,
    security(("bearer" = [])),
    responses((status = 201, description = "The search", body = Envelope<SavedSearch>,
        headers(("Location" = String, description = "The search")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::CollectionFull])),
        ("x-permission" = json!("signed_in"))))]
pub async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    Keyed(Json(form), key): Keyed<Json<NewSavedSearch>>,
) -> Result<Written, Error> {
    let (id, now) = (SavedSearchId::new(), state.clock.now());
    let new = saved_searches::NewSavedSearch {
        id,
        user_id: user.id,
        name: &form.name,
        criteria: &form.search,
        alerts: form.alerts.unwrap_or(true),
    };
    once!(state, key, now, |tx| {
        // Of two requests at once the second counts what the first has made.
        users::lock(tx, user.id).await?;
        if saved_searches::count(tx, user.id).await? >= SAVED_SEARCHES_MAX {
            return Err(Error::with(Code::CollectionFull, json!({"limit": SAVED_SEARCHES_MAX})));
        }
        saved_searches::insert(tx, &new, now).await?;
        let search = saved_searches::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        Ok(Reply::created(SavedSearch::from(search), &format!("/api/v1/me/saved-searches/{id}")))
    })
}

/// One of your saved searches.
#[utoipa::path(get, path = "/me/saved-searches/{id}", tag = "saved searches", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The search", body = Envelope<SavedSearch>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("owner"))))]
pub async fn get(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<SavedSearchId>,
) -> Result<Reply<SavedSearch>, Error> {
    let search = saved_searches::get(&state.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    Ok(detail(search))
}

/// Changes a saved search; fields that are left out stay. After a change of `search`, and when `alerts` are switched on, you are
/// told of what is published from then on. `If-Match` with the `ETag` of what was read refuses the edit (412) when it was edited
/// since.
#[utoipa::path(patch, path = "/me/saved-searches/{id}", tag = "saved searches", params(("id" = Uuid, Path,)),
    request_body = EditSavedSearch, security(("bearer" = [])),
    responses((status = 200, description = "The search as it is now", body = Envelope<SavedSearch>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::NotFound])),
        ("x-permission" = json!("owner"))))]
pub async fn edit(
    State(state): State<AppState>,
    user: CurrentUser,
    if_match: IfMatch,
    Path(id): Path<SavedSearchId>,
    Json(form): Json<EditSavedSearch>,
) -> Result<Reply<SavedSearch>, Error> {
    let now = state.clock.now();
    let search = transaction!(state.db, |tx| {
        let mut search = saved_searches::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        if_match.check(&search.revision.to_string())?;
        let (looked_for, told) = (search.criteria.0.clone(), search.alerts);
        if let Some(name) = &form.name {
            search.name.clone_from(name);
        }
        if let Some(criteria) = &form.search {
            search.criteria.0.clone_from(criteria);
        }
        search.alerts = form.alerts.unwrap_or(told);
        if search.criteria.0 != looked_for || (search.alerts && !told) {
            search.watched_since = now;
        }
        saved_searches::update(tx, &search, now).await?;
        saved_searches::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)
    })?;
    Ok(detail(search))
}

/// Deletes a saved search.
#[utoipa::path(delete, path = "/me/saved-searches/{id}", tag = "saved searches", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "Gone")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("owner"))))]
pub async fn remove(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<SavedSearchId>,
) -> Result<StatusCode, Error> {
    let there = transaction!(state.db, |tx| { Ok(saved_searches::delete(tx, user.id, id).await?) })?;
    if there { Ok(StatusCode::NO_CONTENT) } else { Err(Error::not_found()) }
}
