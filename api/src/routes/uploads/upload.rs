//! Uploads that were received: looked at, made a version of, or given up.

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::{UploadId, VersionId},
    nano::VersionState,
    upload::{CHANGELOG_MAX, Semver, SemverError, UploadState},
    user::Permission,
};
use http::{StatusCode, header};
use infra::db::{
    audit_log, nano_events,
    nano_versions::{self, NewVersion},
    nanos,
    uploads::{self, Upload},
};
use jobs::{RemoveObject, ValidateArchive, VersionRef};
use queue::ids::JobId;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, Reply, Written},
    request::{
        ClientInfo, CurrentUser, Keyed, MaybeJson, Path,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::UploadView,
    write::{once, transaction},
};

/// Lets an upload go, and has its bytes removed.
pub(super) async fn abort(tx: &mut Tx, upload: Upload, now: DateTime<Utc>) -> Result<(), Error> {
    uploads::set_state(tx, upload.id, upload.state.abort()?, now).await?;
    queue::enqueue(tx, &RemoveObject { key: upload.object_key }).await?;
    Ok(())
}

/// An upload: for its owner, and for those who manage all nanos.
#[utoipa::path(get, path = "/uploads/{id}", tag = "uploads", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The upload", body = Envelope<UploadView>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<UploadId>,
) -> Result<Reply<UploadView>, Error> {
    let upload: UploadView = owned(&state, &user, id).await?.into();
    Ok(Reply::ok(upload).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}

async fn owned(state: &AppState, user: &CurrentUser, id: UploadId) -> Result<Upload, Error> {
    uploads::get(&state.db, id)
        .await?
        .filter(|upload| upload.owner_id == user.id || user.allows(Permission::NanosManage))
        .ok_or_else(Error::not_found)
}

#[derive(Default, ToSchema)]
pub struct FinishUpload {
    /// Higher than the last one; by default the next patch, and 1.0.0 for the first.
    #[schema(required = false, value_type = Option<String>, example = "1.0.0", pattern = r"^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$")]
    semver: Option<Semver>,
    #[schema(required = false, max_length = 1000)]
    changelog: Option<String>,
}

impl Input for FinishUpload {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            semver: fields.optional("semver", fields::parsed("1.4.0")),
            changelog: fields.optional("changelog", fields::paragraphs(CHANGELOG_MAX)),
        })
    }
}

/// What a finished upload has become.
#[derive(Serialize, ToSchema)]
pub struct FinishedUpload {
    pub upload: UploadView,
    pub nano_id: Uuid,
    pub version_id: Uuid,
    pub number: u32,
    pub semver: String,
    /// The first of the steps: the check of the archive.
    pub job_id: Uuid,
}

/// Makes a version of a received upload and begins its check; repeating it gives the same answer. Progress:
/// `GET /nanos/{id}/events`.
#[utoipa::path(post, path = "/uploads/{id}/finish", tag = "uploads", params(("id" = Uuid, Path,)),
    request_body(content = Option<FinishUpload>), security(("bearer" = [])),
    responses((status = 202, description = "The check has begun", body = Envelope<FinishedUpload>,
        headers(("Location" = String, description = "The job that checks it")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::NotFound, Code::MoveNotAllowed, Code::VersionInProgress, Code::UploadClosed
    ])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn finish(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<UploadId>,
    Keyed(MaybeJson(form), key): Keyed<MaybeJson<FinishUpload>>,
) -> Result<Written, Error> {
    let form = form.unwrap_or_default();
    let nano_id = owned(&state, &user, id).await?.nano_id;
    // Read before the transaction, which holds one connection and must not wait for another.
    let versions = nano_versions::list(&state.db, nano_id).await?;
    let latest = versions.first().map(|version| version.id);
    let now = state.clock.now();
    once!(state, key, now, |tx| {
        let nano = nanos::lock(tx, nano_id).await?.ok_or_else(Error::not_found)?;
        let upload = uploads::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if upload.state == UploadState::Finished {
            return finished(tx, upload).await;
        }
        if nano.latest_version_id != latest {
            return Err(Error::new(Code::VersionInProgress));
        }
        upload.state.finish()?;
        let (Some(size), Some(sha256)) = (upload.size, upload.sha256) else {
            return Err(Error::Internal(format!("upload {id} is received without size or hash")));
        };
        if upload.expires_at <= now {
            return Err(Error::with(Code::UploadClosed, json!({"state": UploadState::Expired})));
        }
        let before = match latest {
            Some(latest) => nano_versions::lock(tx, latest).await?.map(|version| version.state),
            None => None,
        };
        let status = nano.status.begin_processing(before)?;
        let semver = next_semver(&versions, form.semver)?.to_string();
        let version_id = VersionId::new();
        let version = NewVersion {
            id: version_id,
            nano_id,
            semver: &semver,
            changelog: form.changelog.as_deref().unwrap_or_default(),
            upload_id: id,
            uploaded_key: &upload.object_key,
            uploaded_sha256: sha256,
            uploaded_size: size,
            now,
        };
        let number = nano_versions::insert(tx, &version).await?;
        nanos::set_status(tx, nano_id, status, now).await?;
        let subject = VersionRef { nano_id, version_id, creator_id: nano.creator_id };
        let job = queue::enqueue(tx, &ValidateArchive(subject)).await?;
        uploads::set_finished(tx, id, job.into(), now).await?;
        let data = json!({
            "version_id": version_id, "number": number, "semver": semver, "job_id": job, "status": status,
        });
        nano_events::append(tx, nano_id, "processing", &data, now).await?;
        let upload = uploads::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        let reply = finished(tx, upload).await?;
        let entry = client.audit("upload.finish", Some(user.id), ("upload", Some(id.0)), data, now);
        audit_log::append(tx, &entry).await?;
        Ok(reply)
    })
}

async fn finished(tx: &mut Tx, upload: Upload) -> Result<Reply<FinishedUpload>, Error> {
    let id = upload.id;
    let version = nano_versions::by_upload(tx, id).await?.ok_or_else(Error::not_found)?;
    let job = upload.job_id.ok_or_else(|| Error::Internal(format!("upload {id} is finished without a job")))?;
    let job = JobId(job);
    let finished = FinishedUpload {
        upload: upload.into(),
        nano_id: version.nano_id.0,
        version_id: version.id.0,
        number: version.number,
        semver: version.semver,
        job_id: job.0,
    };
    Ok(Reply::accepted(finished, &format!("/api/v1/jobs/{job}")))
}

/// Numbers of versions that never made it may be used again.
fn next_semver(versions: &[nano_versions::VersionRow], asked: Option<Semver>) -> Result<Semver, Error> {
    let latest = versions
        .iter()
        .filter(|version| !matches!(version.state, VersionState::Rejected | VersionState::Withdrawn))
        .filter_map(|version| version.semver.parse().ok())
        .max();
    Semver::after(latest, asked).map_err(|error| {
        let issue = match error {
            SemverError::NotHigher(than) => Issue::NotHigher(than.to_string()),
            SemverError::Format => Issue::Format("1.4.0"),
        };
        Error::Fields(vec![FieldError::new("semver", issue)])
    })
}

/// Gives an upload up; its bytes are removed. Doing it twice changes nothing.
#[utoipa::path(delete, path = "/uploads/{id}", tag = "uploads", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "Given up")),
    extensions(("x-errors" = json!([Code::NotFound, Code::UploadClosed])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn remove(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<UploadId>,
) -> Result<StatusCode, Error> {
    owned(&state, &user, id).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let upload = uploads::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if upload.state == UploadState::Aborted {
            return Ok(());
        }
        abort(tx, upload, now).await?;
        let entry = client.audit("upload.abort", Some(user.id), ("upload", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
