//! The versions of a nano's file.

use axum::extract::State;
use domain::ids::{NanoId, VersionId};
use http::header;
use infra::db::{nano_versions, nanos};
use queue::ledger;
use serde::Serialize;

use crate::{
    reads::{Chosen, read},
    reply::{Code, Envelope, Error, Reply},
    request::{CurrentUser, Path},
    state::AppState,
    views::{Job, Note, Version, VersionDetail},
};

/// The nano, if this person may see it, and whether its private side too.
pub(super) async fn visible(
    state: &AppState,
    user: Option<CurrentUser>,
    id: NanoId,
) -> Result<(nanos::Nano, bool), Error> {
    let nano = nanos::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let private = user.is_some_and(|user| user.sees_private(&nano));
    if private || nano.status.is_public() { Ok((nano, private)) } else { Err(Error::not_found()) }
}

/// Whether this person sees the private side, if they may see the nano at all. Private sides are read at the primary, where
/// workers write.
pub(in crate::routes) async fn visible_at(at: &Chosen, user: Option<CurrentUser>, id: NanoId) -> Result<bool, Error> {
    let nano = nanos::get(&at.db, id).await?.ok_or_else(Error::not_found)?;
    let private = user.is_some_and(|user| user.sees_private(&nano));
    if private && at.is_replica || !private && !nano.status.is_public() { Err(Error::not_found()) } else { Ok(private) }
}

/// A version with report, scan and steps, for those who see the private side.
pub async fn detail(
    state: &AppState,
    user: Option<CurrentUser>,
    id: VersionId,
) -> Result<Option<VersionDetail>, Error> {
    let Some(row) = nano_versions::get(&state.db, id).await? else { return Ok(None) };
    let full = user.is_some_and(|user| user.allows(domain::user::Permission::JobsRead));
    let steps = ledger::by_reference(&state.db, "version", id.0).await?;
    let pipeline = steps.into_iter().map(|step| Job::of(step, full)).collect();
    Ok(Some(VersionDetail {
        version: Version::from(&row),
        notes: Some(Note::of(&row)),
        manifest: row.manifest,
        report: row.report,
        scan: row.scan,
        uploaded_size: Some(row.uploaded_size),
        uploaded_sha256: Some(hex::encode(row.uploaded_sha256)),
        pipeline: Some(pipeline),
    }))
}

/// A nano's versions, newest first. Everybody sees those that were published, the creator and the moderators all.
#[utoipa::path(get, path = "/nanos/{id}/versions", tag = "nanos", params(("id" = uuid::Uuid, Path,)),
    security((), ("bearer" = [])),
    responses((status = 200, description = "At most 200", body = Envelope<Vec<Version>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn list(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    Path(id): Path<NanoId>,
) -> Result<Reply<Vec<Version>>, Error> {
    let chosen = state.reads.of_caller(&state.cache, user.as_ref()).await;
    let (private, rows) = read!(state.reads, chosen, |at| {
        let private = visible_at(at, user, id).await?;
        Ok((private, nano_versions::list(&at.db, id).await?))
    })?;
    let public = |row: &&nano_versions::VersionRow| private || row.published_at.is_some();
    let shown: Vec<_> = rows.iter().filter(public).map(Version::from).collect();
    Ok(answer(shown, private))
}

/// One version by its number: manifest, and for the creator and the moderators report, scan and steps.
#[utoipa::path(get, path = "/nanos/{id}/versions/{number}", tag = "nanos",
    params(("id" = uuid::Uuid, Path,), ("number" = u32, Path,)), security((), ("bearer" = [])),
    responses((status = 200, description = "The version", body = Envelope<VersionDetail>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    Path((id, number)): Path<(NanoId, u32)>,
) -> Result<Reply<VersionDetail>, Error> {
    let chosen = state.reads.of_caller(&state.cache, user.as_ref()).await;
    let (private, row) = read!(state.reads, chosen, |at| {
        let private = visible_at(at, user, id).await?;
        Ok((private, nano_versions::by_number(&at.db, id, number).await?.ok_or_else(Error::not_found)?))
    })?;
    if private {
        return Ok(answer(detail(&state, user, row.id).await?.ok_or_else(Error::not_found)?, private));
    }
    if row.published_at.is_none() {
        return Err(Error::not_found());
    }
    let public = VersionDetail {
        version: Version::from(&row),
        manifest: row.manifest,
        report: None,
        scan: None,
        notes: None,
        uploaded_size: None,
        uploaded_sha256: None,
        pipeline: None,
    };
    Ok(answer(public, private))
}

/// What the private side says is kept by nobody else.
fn answer<T: Serialize>(data: T, private: bool) -> Reply<T> {
    let cache = if private { "private, no-cache" } else { "public, max-age=30" };
    Reply::ok(data).header(header::CACHE_CONTROL, cache).header(header::VARY, "authorization").tagged()
}
