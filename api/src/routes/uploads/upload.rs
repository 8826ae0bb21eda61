//! Files on their way in: received as a stream, finished into a version, or given up.

use axum::{body::Body, extract::State};
use chrono::TimeDelta;
use domain::{ids::{NanoId, UploadId, VersionId}, nano::VersionState, upload::{self, CHANGELOG_MAX, EXPIRES_HOURS, Semver, SemverError, UploadState}, user::Permission};
use queue::ids::JobId;
use http::{HeaderMap, StatusCode};
use db::Tx;
use infra::{db::{audit_log, nano_events, nano_versions::{self, NewVersion}, nanos, uploads::{self, NewUpload, Upload}}, storage::{Key, Received, StorageError}};
use jobs::{RemoveObject, ValidateArchive, VersionRef};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::declared::{self, Declared};
use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, Reply},
    request::{
        ClientInfo, CurrentUser, MaybeJson, Path,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::UploadView,
    write::transaction,
};

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct PutFileParams {
    /// The file's name; `X-Filename` does the same.
    filename: Option<String>,
}

/// Receives the nano's file as the request's body. It is stored as it comes, with its SHA-256 taken on the way;
/// `POST /uploads/{id}/finish` makes a version of it. `Content-Length` is checked, and the hash too when
/// `Content-Digest` (RFC 9530, sha-256) announces it.
#[utoipa::path(put, path = "/nanos/{id}/file", tag = "uploads",
    params(("id" = Uuid, Path,), PutFileParams,
        ("X-Filename" = Option<String>, Header, description = "The file's name, percent-encoded UTF-8"),
        ("Content-Digest" = Option<String>, Header, description = "`sha-256=:<base64>:`")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), security(("bearer" = [])),
    responses((status = 201, description = "Received in full", body = Envelope<UploadView>,
        headers(("Location" = String, description = "The upload")))),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::EmailNotVerified, Code::NotFound, Code::MoveNotAllowed,
        Code::VersionInProgress, Code::FileEmpty, Code::FileTooLarge, Code::LengthMismatch, Code::ChecksumMismatch,
        Code::BodyInterrupted, Code::UploadClosed
    ])), ("x-permission" = json!("nanos:create owner/nanos:manage"))))]
pub async fn put_file(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(nano_id): Path<NanoId>,
    uri: http::Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply<UploadView>, Error> {
    user.require(Permission::NanosCreate)?;
    user.require_verified()?;
    let limit = state.settings.upload_max_bytes;
    let Declared { filename, size, sha256 } = declared::read(&headers, uri.query()).map_err(Error::Fields)?;
    if let Some(size) = size {
        upload::check_declared(size, limit)?;
    }
    let nano = nanos::get(&state.db, nano_id).await?.ok_or_else(Error::not_found)?;
    user.require_owner(&nano)?;
    // Asked again when the upload is finished; asked now so that nobody sends a gigabyte in vain.
    nano.status.begin_processing(latest_state(&state, &nano).await?)?;

    let (id, now) = (UploadId::new(), state.clock.now());
    let key = Key::upload(id);
    let row = NewUpload {
        id,
        owner_id: user.id,
        nano_id,
        filename: &filename,
        declared_size: size,
        object_key: key.as_str(),
        expires_at: now + TimeDelta::hours(EXPIRES_HOURS),
    };
    transaction!(state.db, |tx| { Ok(uploads::insert(tx, &row, now).await?) })?;

    let unfinished = GiveUp { state: state.clone(), upload: Some(id) };
    let received = state.storage.put_stream(&key, body.into_data_stream(), limit).await;
    let checked = received.map_err(|error| refused(error, size)).and_then(|received| {
        upload::check_received(size, received.size, limit)?;
        match sha256 {
            Some(announced) if announced != received.sha256 => {
                let details = json!({"announced": hex::encode(announced), "received": hex::encode(received.sha256)});
                Err(Error::with(Code::ChecksumMismatch, details))
            }
            _ => Ok(received),
        }
    });
    let kept = match checked {
        Ok(received) => keep(&state, &client, &user, (nano_id, id), &received).await,
        Err(error) => Err(error),
    };
    match kept {
        Ok(size) => {
            unfinished.disarm();
            metrics::counter!("upload_bytes_total").increment(size);
        }
        Err(error) => {
            unfinished.now().await;
            return Err(error);
        }
    }
    let upload = uploads::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::created(UploadView::from(upload), &format!("/api/v1/uploads/{id}")))
}

async fn latest_state(state: &AppState, nano: &nanos::Nano) -> Result<Option<VersionState>, Error> {
    let Some(latest) = nano.latest_version_id else { return Ok(None) };
    Ok(nano_versions::get(&state.db, latest).await?.map(|version| version.state))
}

/// What a failed transfer means for the client.
fn refused(error: StorageError, declared: Option<u64>) -> Error {
    match error {
        StorageError::TooLarge { limit } => Error::with(Code::FileTooLarge, json!({"limit": limit})),
        StorageError::Body(cause) => {
            tracing::info!(cause = %cause, "an upload broke off");
            // The connection ended before the announced length was reached.
            match declared {
                Some(declared) => Error::with(Code::LengthMismatch, json!({"declared": declared})),
                None => Error::new(Code::BodyInterrupted),
            }
        }
        other => Error::Unavailable(other.to_string()),
    }
}

/// Marks the upload as received; earlier files for the same nano that nobody finished are let go.
async fn keep(
    state: &AppState,
    client: &ClientInfo,
    user: &CurrentUser,
    (nano, id): (NanoId, UploadId),
    received: &Received,
) -> Result<u64, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        nanos::lock(tx, nano).await?.ok_or_else(Error::not_found)?;
        let version = received.version_id.as_deref();
        if !uploads::set_received(tx, id, received.size, &received.sha256, version, now).await? {
            return Err(Error::new(Code::UploadClosed));
        }
        for earlier in uploads::open_of_nano(tx, nano).await? {
            if earlier.id != id && earlier.state == UploadState::Received {
                abort(tx, earlier, now).await?;
            }
        }
        let details = json!({"size": received.size, "sha256": hex::encode(received.sha256)});
        let entry = client.audit("upload.receive", Some(user.id), ("upload", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(received.size)
    })
}

async fn abort(tx: &mut Tx, upload: Upload, now: chrono::DateTime<chrono::Utc>) -> Result<(), Error> {
    uploads::set_state(tx, upload.id, upload.state.abort()?, now).await?;
    queue::enqueue(tx, &RemoveObject { key: upload.object_key }).await?;
    Ok(())
}

/// Gives an upload up when its request fails, or is dropped because the client went away.
struct GiveUp {
    state: AppState,
    upload: Option<UploadId>,
}

impl GiveUp {
    fn disarm(mut self) {
        self.upload = None;
    }

    async fn now(mut self) {
        if let Some(upload) = self.upload.take() {
            give_up(self.state.clone(), upload).await;
        }
    }
}

impl Drop for GiveUp {
    fn drop(&mut self) {
        if let (Some(upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(give_up(self.state.clone(), upload));
        }
    }
}

/// Whatever fails here, the upload expires by itself later.
async fn give_up(state: AppState, id: UploadId) {
    if let Err(error) = abort_receiving(&state, id).await {
        tracing::warn!(upload = %id, %error, "a broken upload stays until it expires");
    }
}

async fn abort_receiving(state: &AppState, id: UploadId) -> Result<(), Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        match uploads::lock(tx, id).await? {
            Some(upload) if upload.state == UploadState::Receiving => abort(tx, upload, now).await,
            _ => Ok(()),
        }
    })
}

/// An upload: for its owner, and for those who manage all nanos.
#[utoipa::path(get, path = "/uploads/{id}", tag = "uploads", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The upload", body = Envelope<UploadView>)),
    extensions(("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<UploadId>,
) -> Result<Reply<UploadView>, Error> {
    Ok(Reply::ok(owned(&state, &user, id).await?.into()))
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
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::NotFound, Code::MoveNotAllowed, Code::VersionInProgress, Code::UploadClosed
    ])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn finish(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<UploadId>,
    MaybeJson(form): MaybeJson<FinishUpload>,
) -> Result<Reply<FinishedUpload>, Error> {
    let form = form.unwrap_or_default();
    let nano_id = owned(&state, &user, id).await?.nano_id;
    // Read before the transaction, which holds one connection and must not wait for another.
    let versions = nano_versions::list(&state.db, nano_id).await?;
    let latest = versions.first().map(|version| version.id);
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let nano = nanos::lock(tx, nano_id).await?.ok_or_else(Error::not_found)?;
        let upload = uploads::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if upload.state == UploadState::Finished {
            return Ok(());
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
            uploaded_sha256: &sha256,
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
        let entry = client.audit("upload.finish", Some(user.id), ("upload", Some(id.0)), data, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    finished(&state, id).await
}

async fn finished(state: &AppState, id: UploadId) -> Result<Reply<FinishedUpload>, Error> {
    let upload = uploads::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let version = nano_versions::by_upload(&state.db, id).await?.ok_or_else(Error::not_found)?;
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
