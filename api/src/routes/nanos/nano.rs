//! Nanos: the catalogue, drafts, edits, and their way on and off the shelf. `forms.rs` has their bodies.

use axum::extract::State;
use db::Tx;
use domain::{
    ids::{CategoryId, NanoId},
    nano::Status,
    user::Permission,
};
use http::{StatusCode, header};
use infra::{
    cache::Shelf,
    db::{
        audit_log, categories, favorites, moderation_cases, nano_edits, nano_events,
        nano_lists::{self, Filter, Sort},
        nano_versions,
        nanos::{self, NewNano},
        uploads,
    },
};
use jobs::{IndexNano, RemoveObject, ScanEdit};
use queue::{
    Reference,
    control::act::{self, By},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::forms::{CreateNano, EditNano, ListNanos, ListNanosParams, MyNanos};
use crate::{
    reads::{Chosen, read},
    reply::{Code, Envelope, Error, FieldError, Issue, Reply, Written},
    request::{ClientInfo, CurrentUser, IfMatch, Json, Keyed, NanosCreate, Page, Path, Query, RequirePermission},
    state::AppState,
    views::{Nano, PendingEdit, Version, VersionDetail},
    write::{once, transaction},
};

/// A nano, and for those who may know: how its newest version is doing.
#[derive(Serialize, ToSchema)]
pub struct NanoDetail {
    #[serde(flatten)]
    pub nano: Nano,
    /// The published version.
    pub version: Option<Version>,
    /// The newest version with its report and steps. For the creator and the moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_version: Option<VersionDetail>,
    /// Whether it is one of your favourites. For whoever is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_favorite: Option<bool>,
}

/// Published nanos.
#[utoipa::path(get, path = "/nanos", tag = "nanos", params(ListNanosParams),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<Nano>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::ValidationFailed]))))]
pub async fn list(State(state): State<AppState>, Query(query): Query<ListNanos>) -> Result<Written, Error> {
    let filter = Filter { statuses: vec![Status::Published], ..query.filter };
    let (sort, page) = (query.sort.unwrap_or(Sort::Newest), query.page);
    let key = json!([filter, sort, page.page, page.limit]).to_string();
    let (state, filter) = (&state, &filter);
    let make = |chosen| async move {
        let found = read!(state.reads, chosen, |at| {
            Ok(nano_lists::page(&at.db, filter, Some(sort), page.offset(), page.limit).await?)
        })?;
        let list = Nano::list(&state.storage, found.cards).await?;
        let reply = Reply::ok(list).meta(page.meta(found.total));
        reply.header(header::CACHE_CONTROL, "public, max-age=30").tagged().write()
    };
    state.answers.get(state, ("list", Shelf::Lists), &key, make).await
}

/// Your own nanos, newest first, in whatever status.
#[utoipa::path(get, path = "/nanos/mine", tag = "nanos", params(Page, MyNanos), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<Nano>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::ValidationFailed]))))]
pub async fn mine(
    State(state): State<AppState>,
    user: CurrentUser,
    Query(query): Query<MyNanos>,
) -> Result<Reply<Vec<Nano>>, Error> {
    let filter = Filter { statuses: query.status.into_iter().collect(), creator: Some(user.id), ..Filter::default() };
    let found = nano_lists::page(&state.db, &filter, None, query.page.offset(), query.page.limit).await?;
    let list = Nano::list(&state.storage, found.cards).await?;
    Ok(Reply::ok(list).meta(query.page.meta(found.total)).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}

/// One nano. Everybody sees a published one; the creator and the moderators see it in every status.
#[utoipa::path(get, path = "/nanos/{id}", tag = "nanos", params(("id" = uuid::Uuid, Path,)),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The nano", body = Envelope<NanoDetail>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    Path(id): Path<NanoId>,
) -> Result<Written, Error> {
    let state = &state;
    if let Some(user) = user {
        let chosen = state.reads.of(&state.cache, user.id).await;
        return read!(state.reads, chosen, |at| { detail(state, at, Some(user), id).await?.write() });
    }
    let make = |chosen| async move { read!(state.reads, chosen, |at| { detail(state, at, None, id).await?.write() }) };
    state.answers.get(state, ("nano", Shelf::Nano(id)), &id.to_string(), make).await
}

async fn detail(
    state: &AppState,
    at: &Chosen,
    user: Option<CurrentUser>,
    id: NanoId,
) -> Result<Reply<NanoDetail>, Error> {
    let card = nano_lists::card(&at.db, id).await?.ok_or_else(Error::not_found)?;
    let private = user.is_some_and(|user| user.sees_private(&card.nano));
    if at.is_replica && private || !private && !card.nano.status.is_public() {
        // Private sides are read at the primary, where workers write.
        return Err(Error::not_found());
    }
    let latest_version = match card.nano.latest_version_id.filter(|_| private) {
        Some(version) => super::versions::detail(state, user, version).await?,
        None => None,
    };
    let version = match card.nano.current_version_id {
        Some(version) => nano_versions::get(&at.db, version).await?.as_ref().map(Version::from),
        None => None,
    };
    let revision = card.nano.revision;
    let is_favorite = match user {
        Some(user) => Some(favorites::has(&at.db, user.id, id).await?),
        None => None,
    };
    // Whoever is signed in changes it with a click: their rating, their favourite.
    let cache = if user.is_some() { "private, no-cache" } else { "public, max-age=30" };
    let mut nano = Nano::of(&state.storage, card).await?;
    if private {
        nano.pending_edit = nano_edits::get(&state.db, id).await?.map(PendingEdit::from);
    }
    let detail = NanoDetail { nano, version, latest_version, is_favorite };
    Ok(Reply::ok(detail).header(header::CACHE_CONTROL, cache).header(header::VARY, "authorization").revised(revision))
}

/// Makes a draft.
#[utoipa::path(post, path = "/nanos", tag = "nanos", request_body = CreateNano, security(("bearer" = [])),
    responses((status = 201, description = "The draft", body = Envelope<Nano>,
        headers(("Location" = String, description = "The nano")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])), ("x-permission" = json!("nanos:create"))))]
pub async fn create(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<NanosCreate>,
    Keyed(Json(form), key): Keyed<Json<CreateNano>>,
) -> Result<Written, Error> {
    let (id, now) = (NanoId::new(), state.clock.now());
    let nano = NewNano {
        id,
        creator_id: user.id,
        title: &form.title,
        description: &form.description,
        duration_minutes: form.duration_minutes,
        level: form.level,
        language: form.language,
        format: form.format,
        license: form.license,
    };
    once!(state, key, now, |tx| {
        let categories = known_categories(tx, "categories", &form.categories).await?;
        nanos::insert(tx, &nano, now).await?;
        nanos::set_categories(tx, id, &categories).await?;
        nano_events::append(tx, id, "created", &json!({"status": Status::Draft}), now).await?;
        let card = nano_lists::card_in(tx, id).await?.ok_or_else(Error::not_found)?;
        let entry = client.audit("nano.create", Some(user.id), ("nano", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(Reply::created(Nano::of(&state.storage, card).await?, &format!("/api/v1/nanos/{id}")))
    })
}

/// The categories with these slugs; an unknown one is named as a bad one in `field`.
pub async fn known_categories(tx: &mut Tx, field: &str, slugs: &[String]) -> Result<Vec<CategoryId>, Error> {
    let found = categories::by_slugs(tx, slugs).await?;
    let unknown: Vec<_> = slugs
        .iter()
        .filter(|slug| !found.iter().any(|category| category.slug == **slug))
        .map(|slug| FieldError::new(field, Issue::NoSuch(slug.clone())))
        .collect();
    if unknown.is_empty() {
        Ok(found.into_iter().map(|category| category.id).collect())
    } else {
        Err(Error::Fields(unknown))
    }
}

/// Changes what is said about a nano; fields that are left out stay. A published one changes in the index, too.
///
/// Title and description of a published nano are scanned first: they are in `pending_edit` until then, usually for a second,
/// and until a moderator has decided when the scan finds something. What is public stays until then. Sending what is public
/// gives the edit up.
///
/// `If-Match` with the `ETag` of what was read refuses the edit (412) when somebody has edited the nano since. Who edits
/// somebody else's nano must send it (428).
#[utoipa::path(patch, path = "/nanos/{id}", tag = "nanos", params(("id" = uuid::Uuid, Path,)),
    request_body = EditNano, security(("bearer" = [])),
    responses((status = 200, description = "The nano as it is now", body = Envelope<Nano>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::MoveNotAllowed, Code::PreconditionRequired
    ])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn edit(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    if_match: IfMatch,
    Path(id): Path<NanoId>,
    Json(form): Json<EditNano>,
) -> Result<Reply<Nano>, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let mut nano = nanos::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        user.require_owner(&nano)?;
        if nano.creator_id != user.id && !if_match.is_given() {
            return Err(Error::new(Code::PreconditionRequired));
        }
        if_match.check(&nano.revision.to_string())?;
        nano.status.edit()?;
        let public = nano.clone();
        form.apply(&mut nano);
        if nano.status.is_public() && (form.title.is_some() || form.description.is_some()) {
            (nano.title, nano.description) = (public.title.clone(), public.description.clone());
            propose(tx, &public, &form, now).await?;
        }
        if !nanos::update(tx, &nano, now).await? {
            return Err(Error::new(Code::PreconditionFailed));
        }
        if let Some(slugs) = &form.categories {
            let categories = known_categories(tx, "categories", slugs).await?;
            nanos::set_categories(tx, id, &categories).await?;
        }
        nano_events::append(tx, id, "edited", &json!({}), now).await?;
        if nano.status.is_public() {
            reindex(tx, &nano).await?;
        }
        let details = json!({"fields": form.changed()});
        let entry = client.audit("nano.edit", Some(user.id), ("nano", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let card = nano_lists::card(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let mut nano = Nano::of(&state.storage, card).await?;
    nano.pending_edit = nano_edits::get(&state.db, id).await?.map(PendingEdit::from);
    let revision = nano.revision;
    Ok(Reply::ok(nano).revised(revision))
}

/// Puts words aside until they are scanned. What waits already stays where the form says nothing.
async fn propose(
    tx: &mut Tx,
    public: &nanos::Nano,
    form: &EditNano,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Error> {
    let waiting = nano_edits::get_in(tx, public.id).await?;
    let (title, description) = match &waiting {
        Some(edit) => (&edit.title, &edit.description),
        None => (&public.title, &public.description),
    };
    let title = form.title.as_ref().unwrap_or(title);
    let description = form.description.as_ref().unwrap_or(description);
    drop_edit(tx, public, now).await?;
    if (title, description) != (&public.title, &public.description) {
        nano_edits::put(tx, public.id, title, description, now).await?;
        queue::enqueue(tx, &ScanEdit { nano_id: public.id, creator_id: public.creator_id }).await?;
    }
    Ok(())
}

/// Nobody waits for the edit any more, and nobody has to judge it.
async fn drop_edit(tx: &mut Tx, nano: &nanos::Nano, now: chrono::DateTime<chrono::Utc>) -> Result<(), Error> {
    nano_edits::remove(tx, nano.id).await?;
    if let Some(version) = nano.current_version_id {
        moderation_cases::dismiss(tx, version, now).await?;
    }
    Ok(())
}

/// Brings the search index in line once the transaction has committed.
async fn reindex(tx: &mut Tx, nano: &nanos::Nano) -> Result<(), Error> {
    nanos::next_index_version(tx, nano.id).await?;
    queue::enqueue(tx, &IndexNano { nano_id: nano.id, creator_id: nano.creator_id }).await?;
    Ok(())
}

/// Takes a nano off the shelf: a published one is archived and can be restored, one that never was public is deleted
/// with its open uploads.
#[utoipa::path(delete, path = "/nanos/{id}", tag = "nanos", params(("id" = uuid::Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "Gone, or gone already")),
    extensions(("x-errors" = json!([Code::Forbidden, Code::NotFound])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn remove(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<NanoId>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let nano = nanos::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        user.require_owner(&nano)?;
        let status = nano.status.remove();
        if status == nano.status {
            return Ok(());
        }
        nanos::set_status(tx, id, status, now).await?;
        nanos::set_archived_by_moderator(tx, id, nano.creator_id != user.id).await?;
        close_open_version(tx, &user, &nano, now).await?;
        drop_edit(tx, &nano, now).await?;
        for upload in uploads::open_of_nano(tx, id).await? {
            uploads::set_state(tx, upload.id, upload.state.abort()?, now).await?;
            queue::enqueue(tx, &RemoveObject { key: upload.object_key }).await?;
        }
        nano_events::append(tx, id, status.as_str(), &json!({"status": status}), now).await?;
        if nano.status.is_public() {
            reindex(tx, &nano).await?;
        }
        let entry = client.audit("nano.remove", Some(user.id), ("nano", Some(id.0)), json!({"status": status}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraws the version whose fate is still open, with its case, its uploaded bytes and what is left of its steps.
async fn close_open_version(
    tx: &mut Tx,
    user: &CurrentUser,
    nano: &nanos::Nano,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Error> {
    let Some(id) = nano.latest_version_id else { return Ok(()) };
    let Some(version) = nano_versions::lock(tx, id).await? else { return Ok(()) };
    let Ok(state) = version.state.withdraw() else { return Ok(()) };
    nano_versions::set_state(tx, id, state, now).await?;
    moderation_cases::dismiss(tx, id, now).await?;
    // A step that failed would hold the others of its flow for ever.
    let by = By { actor: Some(user.id.0), reason: "the version was withdrawn" };
    act::cancel_about(tx, &jobs::KINDS, Reference::new("version", id), &by).await?;
    queue::enqueue(tx, &RemoveObject { key: version.uploaded_key }).await?;
    Ok(())
}

/// Takes a nano that waits for review back to a draft.
#[utoipa::path(post, path = "/nanos/{id}/withdraw", tag = "nanos", params(("id" = uuid::Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "The draft", body = Envelope<Nano>)),
    extensions(("x-errors" = json!([Code::Forbidden, Code::NotFound, Code::MoveNotAllowed])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn withdraw(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<NanoId>,
) -> Result<Reply<Nano>, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let nano = nanos::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        user.require_owner(&nano)?;
        let status = nano.status.withdraw()?;
        nanos::set_status(tx, id, status, now).await?;
        close_open_version(tx, &user, &nano, now).await?;
        nano_events::append(tx, id, "withdrawn", &json!({"status": status}), now).await?;
        let entry = client.audit("nano.withdraw", Some(user.id), ("nano", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let card = nano_lists::card(&state.db, id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(Nano::of(&state.storage, card).await?))
}

/// Puts an archived nano back on the shelf. What a moderator took down, only a moderator restores.
#[utoipa::path(post, path = "/nanos/{id}/restore", tag = "nanos", params(("id" = uuid::Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "The nano, published", body = Envelope<Nano>)),
    extensions(("x-errors" = json!([Code::Forbidden, Code::NotFound, Code::MoveNotAllowed])), ("x-permission" = json!("owner/moderation:decide"))))]
pub async fn restore(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<NanoId>,
) -> Result<Reply<Nano>, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let nano = nanos::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if !user.allows(Permission::ModerationDecide) {
            user.require_owner(&nano)?;
        }
        let status = nano.status.restore(nano.archived_by_moderator, user.allows(Permission::ModerationDecide))?;
        nanos::set_status(tx, id, status, now).await?;
        nanos::set_archived_by_moderator(tx, id, false).await?;
        nano_events::append(tx, id, "restored", &json!({"status": status}), now).await?;
        reindex(tx, &nano).await?;
        let entry = client.audit("nano.restore", Some(user.id), ("nano", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let card = nano_lists::card(&state.db, id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(Nano::of(&state.storage, card).await?))
}
