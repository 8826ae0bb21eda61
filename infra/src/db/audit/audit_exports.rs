//! Exports of the audit log: ranges of rows that lie in the object store, and the hashes that seal them.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Hash, Tx};
use domain::audit::{ChainHash, GENESIS};

/// A range of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    pub first_seq: u64,
    pub last_seq: u64,
    pub file_key: String,
    pub manifest_key: String,
    /// The hash of the row before the first.
    pub previous_hash: ChainHash,
    /// The hash of the last row.
    pub last_hash: ChainHash,
    /// SHA-256 of the manifest before; zeros for the first.
    pub previous_manifest: [u8; 32],
    pub planned_at: DateTime<Utc>,
    /// `None` while it is only planned.
    pub seal: Option<Seal>,
}

/// The digests of the file and the manifest that were written for an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub file_sha256: [u8; 32],
    pub file_bytes: u64,
    pub manifest_sha256: [u8; 32],
    pub sealed_at: DateTime<Utc>,
}

/// A row as stored, its seal in pieces.
struct Row {
    first_seq: u64,
    last_seq: u64,
    file_key: String,
    manifest_key: String,
    previous_hash: Hash,
    last_hash: Hash,
    previous_manifest: Hash,
    file_sha256: Option<Hash>,
    file_bytes: Option<u64>,
    manifest_sha256: Option<Hash>,
    planned_at: DateTime<Utc>,
    sealed_at: Option<DateTime<Utc>>,
}

impl From<Row> for Export {
    fn from(row: Row) -> Self {
        let seal = match (row.file_sha256, row.file_bytes, row.manifest_sha256, row.sealed_at) {
            (Some(file), Some(file_bytes), Some(manifest), Some(sealed_at)) => {
                Some(Seal { file_sha256: file.0, file_bytes, manifest_sha256: manifest.0, sealed_at })
            }
            _ => None,
        };
        Self {
            first_seq: row.first_seq,
            last_seq: row.last_seq,
            file_key: row.file_key,
            manifest_key: row.manifest_key,
            previous_hash: row.previous_hash.0,
            last_hash: row.last_hash.0,
            previous_manifest: row.previous_manifest.0,
            planned_at: row.planned_at,
            seal,
        }
    }
}

macro_rules! select {
    ($tail:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            Row,
            r#"SELECT first_seq, last_seq, file_key, manifest_key, previous_hash AS "previous_hash: Hash",
                 last_hash AS "last_hash: Hash", previous_manifest AS "previous_manifest: Hash",
                 file_sha256 AS "file_sha256: Hash", file_bytes, manifest_sha256 AS "manifest_sha256: Hash",
                 planned_at AS "planned_at: DateTime<Utc>", sealed_at AS "sealed_at: DateTime<Utc>"
               FROM audit_exports "#
                + $tail
            $(, $arg)*
        )
    };
}

/// Exports behind row `after`, in their order; at most 500.
pub async fn list(db: &Db, after: u64) -> Result<Vec<Export>, DbError> {
    let rows = select!("WHERE first_seq > ? ORDER BY first_seq LIMIT 500", after).fetch_all(db.pool()).await?;
    Ok(rows.into_iter().map(Export::from).collect())
}

/// The export to write now: one that was planned and never sealed, or a new one of the next rows, at most `most`.
/// `None` when every row is exported. `keys` names file and manifest of a range.
///
/// The caller's transaction makes the plan last: whoever goes on after a crash writes the same rows to the same place.
pub async fn next(
    tx: &mut Tx,
    most: u64,
    now: DateTime<Utc>,
    keys: impl FnOnce(u64, u64) -> (String, String),
) -> Result<Option<Export>, DbError> {
    let newest = select!("ORDER BY first_seq DESC LIMIT 1 FOR UPDATE").fetch_optional(&mut **tx).await?;
    let (last_seq, previous_hash, previous_manifest) = match newest.map(Export::from) {
        None => (0, GENESIS, [0; 32]),
        Some(Export { last_seq, last_hash, seal: Some(seal), .. }) => (last_seq, last_hash, seal.manifest_sha256),
        planned => return Ok(planned),
    };
    let end = sqlx::query!(
        r#"SELECT seq, hash AS "hash: Hash" FROM audit_log WHERE seq > ? AND seq <= ? ORDER BY seq DESC LIMIT 1"#,
        last_seq,
        last_seq + most
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(end) = end else { return Ok(None) };
    let (file_key, manifest_key) = keys(last_seq + 1, end.seq);
    let export = Export {
        first_seq: last_seq + 1,
        last_seq: end.seq,
        file_key,
        manifest_key,
        previous_hash,
        last_hash: end.hash.0,
        previous_manifest,
        planned_at: now,
        seal: None,
    };
    sqlx::query!(
        "INSERT INTO audit_exports (first_seq, last_seq, file_key, manifest_key, previous_hash, last_hash,
           previous_manifest, planned_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        export.first_seq,
        export.last_seq,
        export.file_key,
        export.manifest_key,
        Hash(export.previous_hash),
        Hash(export.last_hash),
        Hash(export.previous_manifest),
        export.planned_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(Some(export))
}

/// Marks an export as written: its file and manifest are in the store.
pub async fn seal(tx: &mut Tx, first_seq: u64, seal: &Seal) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE audit_exports SET file_sha256 = ?, file_bytes = ?, manifest_sha256 = ?, sealed_at = ?
         WHERE first_seq = ? AND sealed_at IS NULL",
        Hash(seal.file_sha256),
        seal.file_bytes,
        Hash(seal.manifest_sha256),
        seal.sealed_at,
        first_seq
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
