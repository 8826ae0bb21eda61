//! Uploads on their way in.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Hash, Tx};
use domain::{
    ids::{NanoId, UploadId, UserId},
    upload::UploadState,
};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    pub id: UploadId,
    pub owner_id: UserId,
    pub nano_id: NanoId,
    pub filename: String,
    pub declared_size: Option<u64>,
    pub object_key: String,
    pub state: UploadState,
    /// Bytes received; set with `sha256` once all are.
    pub size: Option<u64>,
    pub sha256: Option<Hash>,
    /// The bucket's version of the object, where the bucket has versions.
    pub s3_version_id: Option<String>,
    /// The `validate_archive` job, once finished.
    pub job_id: Option<Uuid>,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Upload,
            r#"SELECT id AS "id: UploadId", owner_id AS "owner_id: UserId", nano_id AS "nano_id: NanoId", filename,
                 declared_size, object_key, state AS "state: UploadState", size, sha256 AS "sha256: Hash",
                 s3_version_id, job_id AS "job_id: Uuid", expires_at AS "expires_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>", updated_at AS "updated_at: DateTime<Utc>"
               FROM uploads WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

pub async fn get(db: &Db, id: UploadId) -> Result<Option<Upload>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// The upload with its row locked. Lock the nano first when both are needed.
pub async fn lock(tx: &mut Tx, id: UploadId) -> Result<Option<Upload>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// Uploads that nobody finished in time, locked; rows that others work on are skipped.
pub async fn lock_expired(tx: &mut Tx, now: DateTime<Utc>, limit: u32) -> Result<Vec<Upload>, DbError> {
    Ok(select!(
        "state IN ('receiving', 'received') AND expires_at < ? ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED",
        now,
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// What a new upload starts with.
pub struct NewUpload<'a> {
    pub id: UploadId,
    pub owner_id: UserId,
    pub nano_id: NanoId,
    pub filename: &'a str,
    pub declared_size: Option<u64>,
    pub object_key: &'a str,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Tx, upload: &NewUpload<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO uploads (id, owner_id, nano_id, filename, declared_size, object_key, expires_at, created_at,
           updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        upload.id,
        upload.owner_id,
        upload.nano_id,
        upload.filename,
        upload.declared_size,
        upload.object_key,
        upload.expires_at,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Marks all bytes as stored. False when the upload is no longer receiving (aborted or expired meanwhile).
pub async fn set_received(
    tx: &mut Tx,
    id: UploadId,
    size: u64,
    sha256: &[u8; 32],
    s3_version_id: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE uploads SET state = 'received', size = ?, sha256 = ?, s3_version_id = ?, updated_at = ?
         WHERE id = ? AND state = 'receiving'",
        size,
        Hash(*sha256),
        s3_version_id,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks the upload as finished and remembers the job that checks it.
pub async fn set_finished(tx: &mut Tx, id: UploadId, job: Uuid, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE uploads SET state = 'finished', job_id = ?, updated_at = ? WHERE id = ?", job, now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn set_state(tx: &mut Tx, id: UploadId, state: UploadState, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE uploads SET state = ?, updated_at = ? WHERE id = ?", state, now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Uploads of a nano that are still open: a deleted nano's bytes must go.
pub async fn open_of_nano(tx: &mut Tx, nano: NanoId) -> Result<Vec<Upload>, DbError> {
    Ok(select!("nano_id = ? AND state IN ('receiving', 'received') ORDER BY id FOR UPDATE", nano)
        .fetch_all(&mut **tx)
        .await?)
}
