//! Versions of a nano's file: what was uploaded, what is served, and what the checks found.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Hash, Tx};
use domain::{
    ids::{NanoId, UploadId, UserId, VersionId},
    nano::VersionState,
};
use serde_json::Value;

use super::nanos::NanoChanged;
use crate::storage::Key;

/// A version as stored. The JSON columns hold `archive` and `content` reports.
#[derive(Clone, Debug)]
pub struct VersionRow {
    pub id: VersionId,
    pub nano_id: NanoId,
    pub number: u32,
    pub semver: String,
    pub changelog: String,
    pub upload_id: UploadId,
    pub state: VersionState,
    pub uploaded_key: String,
    pub uploaded_sha256: Hash,
    pub uploaded_size: u64,
    pub canonical_key: Option<String>,
    pub canonical_sha256: Option<Hash>,
    pub canonical_size: Option<u64>,
    pub manifest: Option<Value>,
    pub report: Option<Value>,
    pub scan: Option<Value>,
    pub thumbnail_key: Option<String>,
    /// What could not be pictured, for the creator.
    pub thumbnail_notes: Option<Value>,
    pub metadata: Option<Value>,
    pub published_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

pub struct NewVersion<'a> {
    pub id: VersionId,
    pub nano_id: NanoId,
    pub semver: &'a str,
    pub changelog: &'a str,
    pub upload_id: UploadId,
    pub uploaded_key: &'a str,
    pub uploaded_sha256: Hash,
    pub uploaded_size: u64,
    pub now: DateTime<Utc>,
}

/// Writes the next version of a nano; the caller holds the nano's row lock, so numbers do not race.
pub async fn insert(tx: &mut Tx, version: &NewVersion<'_>) -> Result<u32, DbError> {
    let last = sqlx::query_scalar!("SELECT MAX(number) FROM nano_versions WHERE nano_id = ?", version.nano_id)
        .fetch_one(&mut **tx)
        .await?;
    let number = last.unwrap_or(0) + 1;
    sqlx::query!(
        "INSERT INTO nano_versions (id, nano_id, number, semver, changelog, upload_id, uploaded_key, uploaded_sha256,
                                    uploaded_size, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        version.id,
        version.nano_id,
        number,
        version.semver,
        version.changelog,
        version.upload_id,
        version.uploaded_key,
        version.uploaded_sha256,
        version.uploaded_size,
        version.now,
        version.now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE nanos SET latest_version_id = ? WHERE id = ?", version.id, version.nano_id)
        .execute(&mut **tx)
        .await?;
    Ok(number)
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            VersionRow,
            r#"SELECT id AS "id: VersionId", nano_id AS "nano_id: NanoId", number, semver, changelog,
                 upload_id AS "upload_id: UploadId", state AS "state: VersionState",
                 uploaded_key, uploaded_sha256 AS "uploaded_sha256: Hash", uploaded_size,
                 canonical_key, canonical_sha256 AS "canonical_sha256: Hash", canonical_size,
                 manifest AS "manifest: Value", report AS "report: Value", scan AS "scan: Value", thumbnail_key,
                 thumbnail_notes AS "thumbnail_notes: Value",
                 metadata AS "metadata: Value", published_at AS "published_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>"
               FROM nano_versions WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

pub async fn get(db: &Db, id: VersionId) -> Result<Option<VersionRow>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// The version, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: VersionId) -> Result<Option<VersionRow>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

pub async fn by_number(db: &Db, nano: NanoId, number: u32) -> Result<Option<VersionRow>, DbError> {
    Ok(select!("nano_id = ? AND number = ?", nano, number).fetch_optional(db.pool()).await?)
}

/// The version made from an upload, if it was finished.
pub async fn by_upload(tx: &mut Tx, upload: UploadId) -> Result<Option<VersionRow>, DbError> {
    Ok(select!("upload_id = ?", upload).fetch_optional(&mut **tx).await?)
}

/// All versions, newest first; at most 200.
pub async fn list(db: &Db, nano: NanoId) -> Result<Vec<VersionRow>, DbError> {
    Ok(select!("nano_id = ? ORDER BY number DESC LIMIT 200", nano).fetch_all(db.pool()).await?)
}

/// The stored canonical archive, and what is in it.
pub struct Canonical<'a> {
    pub key: &'a str,
    pub sha256: &'a [u8; 32],
    pub size: u64,
    pub manifest: &'a Value,
}

/// Records the archive check's report, and the canonical archive when it passed.
pub async fn set_checked(
    tx: &mut Tx,
    id: VersionId,
    report: &Value,
    canonical: Option<&Canonical<'_>>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nano_versions SET report = ?, canonical_key = ?, canonical_sha256 = ?, canonical_size = ?,
                                  manifest = ?, updated_at = ? WHERE id = ?",
        report,
        canonical.map(|c| c.key),
        canonical.map(|c| Hash(*c.sha256)),
        canonical.map(|c| c.size),
        canonical.map(|c| c.manifest),
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Records the thumbnails' key prefix, empty when there was nothing to make one from, and what its creator should know.
pub async fn set_thumbnail(
    tx: &mut Tx,
    id: VersionId,
    key: &str,
    notes: &Value,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nano_versions SET thumbnail_key = ?, thumbnail_notes = ?, updated_at = ? WHERE id = ?",
        key,
        notes,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Records the content scan's report and what was read from the content.
pub async fn set_scanned(
    tx: &mut Tx,
    id: VersionId,
    scan: &Value,
    metadata: &Value,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nano_versions SET scan = ?, metadata = ?, updated_at = ? WHERE id = ?",
        scan,
        metadata,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn set_state(tx: &mut Tx, id: VersionId, state: VersionState, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE nano_versions SET state = ?, updated_at = ? WHERE id = ?", state, now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Makes `version` the one the public sees, retiring the one before it.
pub async fn publish(tx: &mut Tx, version: &VersionRow, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nano_versions SET state = 'superseded', updated_at = ? WHERE nano_id = ? AND state = 'published' AND id <> ?",
        now,
        version.nano_id,
        version.id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE nano_versions SET state = 'published', published_at = ?, updated_at = ? WHERE id = ?",
        now,
        now,
        version.id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE nanos SET current_version_id = ?, thumbnail_key = NULLIF(?, ''), index_version = index_version + 1,
                          published_at = COALESCE(published_at, ?), updated_at = ? WHERE id = ?",
        version.id,
        version.thumbnail_key.as_deref().unwrap_or_default(),
        now,
        now,
        version.nano_id
    )
    .execute(&mut **tx)
    .await?;
    tx.notify(NanoChanged { id: version.nano_id, in_lists: true });
    Ok(())
}

/// True when the creator has a published version of anything: the review policy `first_upload` asks.
pub async fn creator_has_published(db: &Db, creator: UserId) -> Result<bool, DbError> {
    let found = sqlx::query_scalar!(
        "SELECT 1 FROM nanos n JOIN nano_versions v ON v.nano_id = n.id
         WHERE n.creator_id = ? AND v.published_at IS NOT NULL LIMIT 1",
        creator
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(found.is_some())
}

impl VersionRow {
    /// Where the canonical archive is, and its hash; an error while there is none.
    pub fn canonical(&self) -> Result<(Key, [u8; 32]), anyhow::Error> {
        let key = self.canonical_key.as_deref().ok_or_else(|| anyhow::anyhow!("there is no canonical archive yet"))?;
        let sha256 = self.canonical_sha256.ok_or_else(|| anyhow::anyhow!("the canonical archive has no hash"))?;
        Ok((key.parse()?, sha256.0))
    }
}
