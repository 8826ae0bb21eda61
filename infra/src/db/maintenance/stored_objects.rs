//! The objects that rows name, for comparing the object store with them, and the reports of such comparisons.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{NanoId, UploadId};
use serde_json::Value;
use sqlx::{FromRow, QueryBuilder, types::Json};
use uuid::Uuid;

/// Those of these uploads whose bytes somebody still needs: being received, or of a version that was not turned down.
pub async fn uploads_in_use(db: &Db, uploads: &[UploadId]) -> Result<Vec<UploadId>, DbError> {
    if uploads.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT u.id FROM uploads u JOIN nanos n ON n.id = u.nano_id LEFT JOIN nano_versions v ON v.upload_id = u.id
         WHERE n.files_purged_at IS NULL AND (u.state IN ('receiving', 'received')
           OR (u.state = 'finished' AND (v.id IS NULL OR v.state NOT IN ('rejected', 'withdrawn')))) AND u.id IN (",
    );
    let mut list = query.separated(", ");
    for upload in uploads {
        list.push_bind(upload.0);
    }
    query.push(")");
    let ids: Vec<Uuid> = query.build_query_scalar().fetch_all(db.pool()).await?;
    Ok(ids.into_iter().map(UploadId).collect())
}

/// Canonical archives and prefixes of thumbnails that versions of these nanos name.
pub async fn keys_of_nanos(db: &Db, nanos: &[NanoId]) -> Result<Vec<String>, DbError> {
    if nanos.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT v.canonical_key, v.thumbnail_key FROM nano_versions v JOIN nanos n ON n.id = v.nano_id
         WHERE n.files_purged_at IS NULL AND v.nano_id IN (",
    );
    let mut list = query.separated(", ");
    for nano in nanos {
        list.push_bind(nano.0);
    }
    query.push(")");
    let rows: Vec<(Option<String>, Option<String>)> = query.build_query_as().fetch_all(db.pool()).await?;
    Ok(rows.into_iter().flat_map(|(archive, thumbnails)| [archive, thumbnails]).flatten().collect())
}

/// A version, and what it says is in the store.
#[derive(Clone, Debug)]
pub struct Named {
    pub version: Uuid,
    /// While its bytes are needed.
    pub uploaded: Option<String>,
    pub canonical: Option<String>,
    /// A prefix; at least one object begins with it.
    pub thumbnails: Option<String>,
}

/// What all versions of one nano name, the bytes of those included that were turned down.
pub async fn of_nano(tx: &mut Tx, nano: NanoId) -> Result<Vec<Named>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: Uuid", uploaded_key, canonical_key, thumbnail_key FROM nano_versions WHERE nano_id = ?"#,
        nano.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Named {
            version: row.id,
            uploaded: Some(row.uploaded_key),
            canonical: row.canonical_key,
            thumbnails: row.thumbnail_key.filter(|prefix| !prefix.is_empty()),
        })
        .collect())
}

/// Versions behind `after`, in the order of their ids, at most 500.
pub async fn named(db: &Db, after: Uuid) -> Result<Vec<Named>, DbError> {
    select(db, "v.id > ? ORDER BY v.id LIMIT 500", after).await
}

/// The same version, asked again.
pub async fn named_by(db: &Db, version: Uuid) -> Result<Option<Named>, DbError> {
    Ok(select(db, "v.id = ?", version).await?.pop())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    state: String,
    uploaded_key: String,
    canonical_key: Option<String>,
    thumbnail_key: Option<String>,
}

async fn select(db: &Db, tail: &'static str, id: Uuid) -> Result<Vec<Named>, DbError> {
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT v.id, v.state, v.uploaded_key, v.canonical_key, v.thumbnail_key
         FROM nano_versions v JOIN nanos n ON n.id = v.nano_id WHERE n.files_purged_at IS NULL AND {tail}"
    )))
    .bind(id)
    .fetch_all(db.pool())
    .await?;
    let named = |row: Row| Named {
        version: row.id,
        uploaded: (!matches!(row.state.as_str(), "rejected" | "withdrawn")).then_some(row.uploaded_key),
        canonical: row.canonical_key,
        thumbnails: row.thumbnail_key.filter(|prefix| !prefix.is_empty()),
    };
    Ok(rows.into_iter().map(named).collect())
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
        Json(&report.samples)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest reports, newest first.
pub async fn reports(db: &Db, limit: u32) -> Result<Vec<Report>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: Uuid", started_at AS "started_at: DateTime<Utc>", finished_at AS "finished_at: DateTime<Utc>",
             objects, bytes, orphans, removed, removed_bytes, unknown_objects, checked_rows, missing,
             samples AS "samples: Json<Value>"
           FROM storage_reports ORDER BY finished_at DESC LIMIT ?"#,
        limit
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Report {
            id: row.id,
            started_at: row.started_at,
            finished_at: row.finished_at,
            objects: row.objects,
            bytes: row.bytes,
            orphans: row.orphans,
            removed: row.removed,
            removed_bytes: row.removed_bytes,
            unknown_objects: row.unknown_objects,
            checked_rows: row.checked_rows,
            missing: row.missing,
            samples: row.samples.0,
        })
        .collect())
}

/// Deletes reports from before `before`.
pub async fn prune_reports(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM storage_reports WHERE finished_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}
