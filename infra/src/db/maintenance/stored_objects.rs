//! The objects that rows name, for comparing the object store with them, and the reports of such comparisons.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{NanoId, UploadId, VersionId};
use serde_json::Value;
use sqlx::QueryBuilder;
use uuid::Uuid;

/// Those of these uploads whose bytes somebody still needs: being received, or of a version that was not turned down.
pub async fn uploads_in_use(db: &Db, uploads: &[UploadId]) -> Result<Vec<UploadId>, DbError> {
    if uploads.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because the list has any length.
    let mut query = QueryBuilder::new(
        "SELECT u.id FROM uploads u JOIN nanos n ON n.id = u.nano_id LEFT JOIN nano_versions v ON v.upload_id = u.id
         WHERE n.files_purged_at IS NULL AND (u.state IN ('receiving', 'received')
           OR (u.state = 'finished' AND (v.id IS NULL OR v.state NOT IN ('rejected', 'withdrawn')))) AND u.id IN (",
    );
    let mut list = query.separated(", ");
    for upload in uploads {
        list.push_bind(*upload);
    }
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(db.pool()).await?)
}

/// Canonical archives and prefixes of thumbnails that versions of these nanos name.
pub async fn keys_of_nanos(db: &Db, nanos: &[NanoId]) -> Result<Vec<String>, DbError> {
    if nanos.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because the list has any length.
    let mut query = QueryBuilder::new(
        "SELECT v.canonical_key, v.thumbnail_key FROM nano_versions v JOIN nanos n ON n.id = v.nano_id
         WHERE n.files_purged_at IS NULL AND v.nano_id IN (",
    );
    let mut list = query.separated(", ");
    for nano in nanos {
        list.push_bind(*nano);
    }
    query.push(")");
    let rows: Vec<(Option<String>, Option<String>)> = query.build_query_as().fetch_all(db.pool()).await?;
    Ok(rows.into_iter().flat_map(|(archive, thumbnails)| [archive, thumbnails]).flatten().collect())
}

/// A version, and what it says is in the store.
#[derive(Clone, Debug)]
pub struct Named {
    pub version: VersionId,
    /// While its bytes are needed.
    pub uploaded: Option<String>,
    pub canonical: Option<String>,
    /// A prefix; at least one object begins with it.
    pub thumbnails: Option<String>,
}

/// What all versions of one nano name, the bytes of those included that were turned down.
pub async fn of_nano(tx: &mut Tx, nano: NanoId) -> Result<Vec<Named>, DbError> {
    Ok(sqlx::query_as!(
        Named,
        r#"SELECT id AS "version: VersionId", uploaded_key AS "uploaded?", canonical_key AS canonical,
             NULLIF(thumbnail_key, '') AS "thumbnails?: String"
           FROM nano_versions WHERE nano_id = ?"#,
        nano
    )
    .fetch_all(&mut **tx)
    .await?)
}

macro_rules! select_named {
    ($tail:tt, $arg:expr) => {
        sqlx::query_as!(
            Named,
            r#"SELECT v.id AS "version: VersionId",
                 IF(v.state IN ('rejected', 'withdrawn'), NULL, v.uploaded_key) AS "uploaded?: String",
                 v.canonical_key AS canonical, NULLIF(v.thumbnail_key, '') AS "thumbnails?: String"
               FROM nano_versions v JOIN nanos n ON n.id = v.nano_id WHERE n.files_purged_at IS NULL AND "#
                + $tail,
            $arg
        )
    };
}

/// Versions behind `after`, in the order of their ids, at most 500.
pub async fn named(db: &Db, after: VersionId) -> Result<Vec<Named>, DbError> {
    Ok(select_named!("v.id > ? ORDER BY v.id LIMIT 500", after).fetch_all(db.pool()).await?)
}

/// The same version, asked again.
pub async fn named_by(db: &Db, version: VersionId) -> Result<Option<Named>, DbError> {
    Ok(select_named!("v.id = ?", version).fetch_optional(db.pool()).await?)
}

/// What one look came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The job that looked.
    pub id: Uuid,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub objects: u64,
    pub bytes: u64,
    /// Objects without a row, those included that are too young to be removed.
    pub orphans: u64,
    pub removed: u64,
    pub removed_bytes: u64,
    /// Objects whose names are none of ours. They are never removed.
    pub unknown_objects: u64,
    /// Versions.
    pub checked_rows: u64,
    /// What versions name and the store lacks.
    pub missing: u64,
    /// `{"missing": […], "removed": […], "orphans": […], "unknown": […]}`: up to 100 keys each.
    pub samples: Value,
}

/// Keeps a report; one of the same job replaces it.
pub async fn insert_report(tx: &mut Tx, report: &Report) -> Result<(), DbError> {
    sqlx::query!(
        "REPLACE INTO storage_reports (id, started_at, finished_at, objects, bytes, orphans, removed, removed_bytes,
           unknown_objects, checked_rows, missing, samples) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        report.id,
        report.started_at,
        report.finished_at,
        report.objects,
        report.bytes,
        report.orphans,
        report.removed,
        report.removed_bytes,
        report.unknown_objects,
        report.checked_rows,
        report.missing,
        report.samples
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest reports, newest first.
pub async fn reports(db: &Db, limit: u32) -> Result<Vec<Report>, DbError> {
    Ok(sqlx::query_as!(
        Report,
        r#"SELECT id AS "id: Uuid", started_at AS "started_at: DateTime<Utc>", finished_at AS "finished_at: DateTime<Utc>",
             objects, bytes, orphans, removed, removed_bytes, unknown_objects, checked_rows, missing,
             samples AS "samples: Value"
           FROM storage_reports ORDER BY finished_at DESC LIMIT ?"#,
        limit
    )
    .fetch_all(db.pool())
    .await?)
}

/// Deletes reports from before `before`.
pub async fn prune_reports(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM storage_reports WHERE finished_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}
