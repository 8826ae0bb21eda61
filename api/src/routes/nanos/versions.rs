//! The versions of a nano's file, and downloading the live one.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::ids::{NanoId, VersionId};
use http::{HeaderValue, StatusCode, header};
use infra::{
    db::{downloads, nano_versions, nanos},
    storage::Key,
};
use queue::ledger;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{
        CurrentUser, Path, Query,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::{Job, Version, VersionDetail},
    write::transaction,
};

/// The nano, if this person may see it, and whether its private side too.
async fn visible(state: &AppState, user: Option<CurrentUser>, id: NanoId) -> Result<(nanos::Nano, bool), Error> {
    let nano = nanos::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let private = user.is_some_and(|user| user.sees_private(&nano));
    if private || nano.status.is_public() { Ok((nano, private)) } else { Err(Error::not_found()) }
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
    extensions(("x-errors" = json!([Code::NotFound]))))]
pub async fn list(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    Path(id): Path<NanoId>,
) -> Result<Reply<Vec<Version>>, Error> {
    let (_, private) = visible(&state, user, id).await?;
    let rows = nano_versions::list(&state.db, id).await?;
    let shown = rows.iter().filter(|row| private || row.published_at.is_some()).map(Version::from).collect();
    Ok(Reply::ok(shown))
}

/// One version by its number: manifest, and for the creator and the moderators report, scan and steps.
#[utoipa::path(get, path = "/nanos/{id}/versions/{number}", tag = "nanos",
    params(("id" = uuid::Uuid, Path,), ("number" = u32, Path,)), security((), ("bearer" = [])),
    responses((status = 200, description = "The version", body = Envelope<VersionDetail>)),
    extensions(("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    Path((id, number)): Path<(NanoId, u32)>,
) -> Result<Reply<VersionDetail>, Error> {
    let (_, private) = visible(&state, user, id).await?;
    let row = nano_versions::by_number(&state.db, id, number).await?.ok_or_else(Error::not_found)?;
    if private {
        return Ok(Reply::ok(detail(&state, user, row.id).await?.ok_or_else(Error::not_found)?));
    }
    if row.published_at.is_none() {
        return Err(Error::not_found());
    }
    Ok(Reply::ok(VersionDetail {
        version: Version::from(&row),
        manifest: row.manifest,
        report: None,
        scan: None,
        uploaded_size: None,
        uploaded_sha256: None,
        pipeline: None,
    }))
}

/// How to answer a download.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Download {
    /// `false`: answer 200 with the link as JSON, for pages that cannot follow a redirect with a token.
    #[param(value_type = Option<bool>)]
    redirect: bool,
}

impl Input for Download {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { redirect: fields.optional("redirect", fields::boolean).unwrap_or(true) })
    }
}

#[derive(Serialize, ToSchema)]
pub struct DownloadLink {
    pub url: String,
    /// Seconds the link works.
    pub expires_in: u64,
    pub filename: String,
    pub size: Option<u64>,
    /// Hex.
    pub sha256: Option<String>,
}

/// The published file: a redirect to a signed address that works for a few minutes. Needs a confirmed email address;
/// counts once per person and day.
#[utoipa::path(get, path = "/nanos/{id}/download", tag = "nanos",
    params(("id" = uuid::Uuid, Path,), Download), security(("bearer" = [])),
    responses(
        (status = 302, description = "To the file", headers(("Location" = String, description = "Signed address"))),
        (status = 200, description = "The link, with `redirect=false`", body = Envelope<DownloadLink>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::EmailNotVerified, Code::NotFound]))))]
pub async fn download(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<NanoId>,
    Query(query): Query<Download>,
) -> Result<Response, Error> {
    user.require_verified()?;
    let (nano, _) = visible(&state, Some(user), id).await?;
    // What is not public has no file to serve: the creator has the original, the moderators the manifest.
    let version = nano.current_version_id.filter(|_| nano.status.is_public()).ok_or_else(Error::not_found)?;
    let version = nano_versions::get(&state.db, version).await?.ok_or_else(Error::not_found)?;
    let key: Key = version
        .canonical_key
        .as_deref()
        .ok_or_else(|| Error::Internal(format!("version {} is published without an archive", version.id)))?
        .parse()
        .map_err(|error| Error::Internal(format!("a stored key: {error}")))?;
    let filename = format!("{} {}.zip", nano.title.replace(['/', '\\'], "-"), version.semver);
    let lifetime = state.settings.download_link_lifetime;
    let url = state.storage.presign_get(&key, lifetime, &filename).await;
    let url = url.map_err(|error| Error::Unavailable(error.to_string()))?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        if downloads::record(tx, id, user.id, now).await? {
            nanos::count_download(tx, id).await?;
        }
        Ok(())
    })?;
    if query.redirect {
        let location = HeaderValue::from_str(url.as_str()).map_err(|error| Error::Internal(error.to_string()))?;
        let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        return Ok((StatusCode::FOUND, headers).into_response());
    }
    let link = DownloadLink {
        url: url.into(),
        expires_in: lifetime.as_secs(),
        filename,
        size: version.canonical_size,
        sha256: version.canonical_sha256.map(hex::encode),
    };
    Ok(Reply::ok(link).header(header::CACHE_CONTROL, "no-store").into_response())
}
