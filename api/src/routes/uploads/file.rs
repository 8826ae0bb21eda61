//! A file on its way in, from the request's body to storage.

use std::time::Duration;

use axum::{body::Body, extract::State};
use chrono::TimeDelta;
use domain::{
    ids::{NanoId, UploadId},
    nano::VersionState,
    upload::{self, EXPIRES_HOURS, UploadState},
    user::Permission,
};
use http::HeaderMap;
use infra::{
    db::{
        audit_log, nano_versions, nanos,
        uploads::{self, NewUpload},
    },
    storage::{Key, Received, StorageError},
};
use serde_json::json;
use utoipa::IntoParams;

use super::{
    declared::{self, Declared},
    upload::abort,
};
use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{ClientInfo, CurrentUser, Path},
    state::AppState,
    views::UploadView,
    write::transaction,
};

/// Files of one person on their way into one process: a folder that is dropped at once.
const AT_ONCE: u64 = 20;
/// After that the upload has expired, however fast its bytes still come.
const TAKES_AT_MOST: Duration = Duration::from_secs(EXPIRES_HOURS.unsigned_abs() * 3600);

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
    let _place = state.incoming.one("uploads", user.id, AT_ONCE)?;
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
    let arriving = state.storage.put_stream(&key, body.into_data_stream(), limit);
    let Ok(received) = tokio::time::timeout(TAKES_AT_MOST, arriving).await else {
        unfinished.now().await;
        return Err(Error::new(Code::BodyInterrupted));
    };
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
