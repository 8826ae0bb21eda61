//! Downloads: the published file for everybody who is signed in, and what waits for review for those whom that concerns.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{ids::NanoId, nano::VersionState};
use http::{HeaderValue, StatusCode, header};
use infra::{
    db::{
        audit_log, downloads,
        nano_versions::{self, VersionRow},
        nanos,
    },
    storage::Key,
};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::versions::visible;
use crate::{
    answers, maintenance,
    reply::{Code, Envelope, Error, Reply},
    request::{
        ClientInfo, CurrentUser, Path, Query,
        fields::{self, Fields, Input},
    },
    state::AppState,
    write::transaction,
};

/// Which file, and how to answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Download {
    /// The number of a version that waits for review, or of the published one. By default the published one; of a nano that
    /// is not public, the one that waits.
    #[param(minimum = 1)]
    version: Option<u32>,
    /// `false`: answer 200 with the link as JSON, for pages that cannot follow a redirect with a token.
    #[param(value_type = Option<bool>)]
    redirect: bool,
}

impl Input for Download {
    fn read(fields: &mut Fields) -> Option<Self> {
        let version = fields.optional("version", fields::whole(1, u32::MAX.into()));
        Some(Self {
            version: version.and_then(|number| u32::try_from(number).ok()),
            redirect: fields.optional("redirect", fields::boolean).unwrap_or(true),
        })
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

/// A file that may be had, and why.
enum Served {
    /// It is public.
    Published(VersionRow),
    /// It waits for review, and this person made it or judges it.
    Waiting(VersionRow),
}

impl Served {
    /// What nobody else may know of is not there.
    async fn find(
        state: &AppState,
        user: &CurrentUser,
        nano: &nanos::Nano,
        number: Option<u32>,
    ) -> Result<Self, Error> {
        let published = nano.current_version_id.filter(|_| nano.status.is_public());
        let version = match (number, published.or(nano.latest_version_id)) {
            (Some(number), _) => nano_versions::by_number(&state.db, nano.id, number).await?,
            (None, Some(id)) => nano_versions::get(&state.db, id).await?,
            (None, None) => None,
        };
        match version {
            Some(version) if Some(version.id) == published => Ok(Self::Published(version)),
            Some(version) if version.state == VersionState::PendingReview && user.sees_waiting(nano) => {
                Ok(Self::Waiting(version))
            }
            _ => Err(Error::not_found()),
        }
    }
}

/// The file, checked and packed anew: a redirect to a signed address that works for a few minutes. Needs a confirmed email
/// address. The published one is for everybody and counts once per person and day. One that waits for review is for its
/// creator and the moderators, and does not count; a moderator's look at it is in the audit log. During maintenance nothing
/// counts, and moderators wait, since nothing can be written down.
#[utoipa::path(get, path = "/nanos/{id}/download", tag = "nanos",
    params(("id" = uuid::Uuid, Path,), Download), security(("bearer" = [])),
    responses(
        (status = 302, description = "To the file", headers(("Location" = String, description = "Signed address"))),
        (status = 200, description = "The link, with `redirect=false`", body = Envelope<DownloadLink>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::EmailNotVerified, Code::NotFound, Code::Maintenance
    ]))))]
pub async fn download(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<NanoId>,
    Query(query): Query<Download>,
) -> Result<Response, Error> {
    user.require_verified()?;
    let (nano, _) = visible(&state, Some(user), id).await?;
    let served = Served::find(&state, &user, &nano, query.version).await?;
    let (Served::Published(version) | Served::Waiting(version)) = &served;
    let key: Key = version
        .canonical_key
        .as_deref()
        .ok_or_else(|| Error::Internal(format!("version {} is served without an archive", version.id)))?
        .parse()
        .map_err(|error| Error::Internal(format!("a stored key: {error}")))?;
    let filename = format!("{} {}.zip", nano.title.replace(['/', '\\'], "-"), version.semver);
    let lifetime = state.settings.download_link_lifetime;
    let url = state.storage.presign_get(&key, lifetime, &filename).await;
    let url = url.map_err(|error| Error::Unavailable(error.to_string()))?;
    let now = state.clock.now();
    let maintenance = state.maintenance.current(&state.db).await;
    match (&served, maintenance) {
        (Served::Published(_), None) => transaction!(state.db, |tx| {
            if downloads::record(tx, id, user.id, now).await? {
                nanos::count_download(tx, id).await?;
            }
            Ok(())
        })?,
        // Nobody looks at it without that being written down.
        (Served::Waiting(_), Some(mode)) if nano.creator_id != user.id => return Err(maintenance::refused(&mode)),
        (Served::Waiting(version), None) if nano.creator_id != user.id => transaction!(state.db, |tx| {
            let details = json!({"nano_id": id, "number": version.number});
            let target = ("version", Some(version.id.0));
            let entry = client.audit("moderation.download", Some(user.id), target, details, now);
            audit_log::append(tx, &entry).await?;
            Ok(())
        })?,
        _ => {}
    }
    // It is no write by its method.
    answers::written(&state, Some(user.id)).await;
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
        sha256: version.canonical_sha256.as_ref().map(hex::encode),
    };
    Ok(Reply::ok(link).header(header::CACHE_CONTROL, "no-store").into_response())
}
