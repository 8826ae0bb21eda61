//! Nanos and the categories they are in. `nano_lists.rs` has the catalogue queries.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Notice, Tx};
use domain::{
    ids::{CategoryId, NanoId, UserId, VersionId},
    nano::{Format, License, Status},
    user::Language,
};
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;

/// What everybody may read of a nano has changed: told after the commit, so that no answer that was kept says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoChanged {
    pub id: NanoId,
    /// False for its counts: lists and searches may say the old ones for a while.
    pub in_lists: bool,
}

impl Notice for NanoChanged {
    const TOPIC: &'static str = "nano_changed";
}

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Nano {
    pub id: NanoId,
    pub creator_id: UserId,
    pub title: String,
    pub description: String,
    pub duration_minutes: u32,
    /// 1–3.
    pub level: u8,
    pub language: Language,
    pub format: Format,
    pub license: License,
    pub status: Status,
    pub archived_by_moderator: bool,
    /// The published version.
    pub current_version_id: Option<VersionId>,
    /// The newest version, in whatever state.
    pub latest_version_id: Option<VersionId>,
    /// Prefix; `<key>/320.webp`, `/640.webp`, `/1280.webp`.
    pub thumbnail_key: Option<String>,
    pub download_count: u32,
    /// External version of the search document.
    pub index_version: u64,
    /// Number of the last event.
    pub event_seq: u64,
    /// Raised by every edit.
    pub revision: u32,
    pub published_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $arg:expr) => {
        sqlx::query_as!(
            Nano,
            r#"SELECT id AS "id: NanoId", creator_id AS "creator_id: UserId", title, description, duration_minutes, level,
                 language AS "language: Language", format AS "format: Format", license AS "license: License",
                 status AS "status: Status", archived_by_moderator AS "archived_by_moderator: bool",
                 current_version_id AS "current_version_id: VersionId",
                 latest_version_id AS "latest_version_id: VersionId",
                 thumbnail_key, download_count, index_version, event_seq, revision, published_at AS "published_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>", updated_at AS "updated_at: DateTime<Utc>"
               FROM nanos WHERE "#
                + $tail,
            $arg
        )
    };
}

pub async fn get(db: &Db, id: NanoId) -> Result<Option<Nano>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// The nano with its row locked until the transaction ends: status moves and event numbers happen under this lock.
/// It comes before every other lock of the nano's rows.
pub async fn lock(tx: &mut Tx, id: NanoId) -> Result<Option<Nano>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// Those behind `after` that everybody may read or once could, in the order of their ids, at most 100.
pub async fn once_public(db: &Db, after: NanoId) -> Result<Vec<Nano>, DbError> {
    Ok(select!("id > ? AND published_at IS NOT NULL ORDER BY id LIMIT 100", after).fetch_all(db.pool()).await?)
}

/// How many nanos everybody may read.
pub async fn count_public(db: &Db) -> Result<u64, DbError> {
    let count =
        sqlx::query_scalar!("SELECT COUNT(*) FROM nanos WHERE status = 'published'").fetch_one(db.pool()).await?;
    Ok(count.unsigned_abs())
}

/// The statuses of these nanos and the versions of their search documents, as far as there are such nanos.
pub async fn index_versions(db: &Db, ids: &[NanoId]) -> Result<Vec<(NanoId, Status, u64)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because a list has any length.
    let mut query = QueryBuilder::new("SELECT id, status, index_version FROM nanos WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}

/// The titles of these nanos, as far as there are any; of deleted ones there are none.
pub async fn titles(db: &Db, ids: &[NanoId]) -> Result<Vec<(NanoId, String)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id, title FROM nanos WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(") AND status <> 'deleted'");
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}

/// Those of these nanos that everybody may see.
pub async fn public_among(tx: &mut Tx, ids: &[NanoId]) -> Result<Vec<NanoId>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because a list has any length.
    let mut query = QueryBuilder::new("SELECT id FROM nanos WHERE status = ");
    query.push_bind(Status::Published).push(" AND id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(&mut **tx).await?)
}

/// What a draft starts with.
pub struct NewNano<'a> {
    pub id: NanoId,
    pub creator_id: UserId,
    pub title: &'a str,
    pub description: &'a str,
    pub duration_minutes: u32,
    pub level: u8,
    pub language: Language,
    pub format: Format,
    pub license: License,
}

/// Adds a draft. Its categories come with [`set_categories`].
pub async fn insert(tx: &mut Tx, nano: &NewNano<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO nanos (id, creator_id, title, description, duration_minutes, level, language, format, license,
           created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        nano.id,
        nano.creator_id,
        nano.title,
        nano.description,
        nano.duration_minutes,
        nano.level,
        nano.language,
        nano.format,
        nano.license,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What everybody reads of this creator's, in the order of their ids.
pub async fn public_of(tx: &mut Tx, creator: UserId) -> Result<Vec<NanoId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: NanoId" FROM nanos WHERE creator_id = ? AND status = 'published' ORDER BY id"#,
        creator
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Replaces the categories of a nano.
pub async fn set_categories(tx: &mut Tx, id: NanoId, categories: &[CategoryId]) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM nano_categories WHERE nano_id = ?", id).execute(&mut **tx).await?;
    if categories.is_empty() {
        return Ok(());
    }
    // Built at run time, because a nano is in any number of categories.
    let mut query = QueryBuilder::new("INSERT INTO nano_categories (nano_id, category_id) ");
    query.push_values(categories, |mut row, category| {
        row.push_bind(id).push_bind(*category);
    });
    query.build().execute(&mut **tx).await?;
    Ok(())
}

/// The slugs of a nano's categories, sorted.
pub async fn category_slugs(db: &Db, id: NanoId) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "SELECT c.slug FROM nano_categories nc JOIN categories c ON c.id = nc.category_id
         WHERE nc.nano_id = ? ORDER BY c.slug",
        id
    )
    .fetch_all(db.pool())
    .await?)
}

/// Writes the fields that people edit: those of `nano` as they are now, made from its revision. False when somebody else has
/// edited it since; then nothing is written.
pub async fn update(tx: &mut Tx, nano: &Nano, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE nanos SET title = ?, description = ?, duration_minutes = ?, level = ?, language = ?, format = ?,
           license = ?, updated_at = ?, revision = revision + 1
         WHERE id = ? AND revision = ?",
        nano.title,
        nano.description,
        nano.duration_minutes,
        nano.level,
        nano.language,
        nano.format,
        nano.license,
        now,
        nano.id,
        nano.revision
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes title and description public that an edit has put aside. The revision is that of the edit already.
pub async fn set_words(
    tx: &mut Tx,
    id: NanoId,
    title: &str,
    description: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nanos SET title = ?, description = ?, updated_at = ? WHERE id = ?",
        title,
        description,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores the status that a domain move returned. Call it under [`lock`].
pub async fn set_status(tx: &mut Tx, id: NanoId, status: Status, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nanos SET status = ?, deleted_at = IF(? = 'deleted', ?, NULL), updated_at = ? WHERE id = ?",
        status,
        status,
        now,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    // What leaves the shelf takes the next index version, too.
    if status.is_public() {
        tx.notify(NanoChanged { id, in_lists: true });
    }
    Ok(())
}

/// Remembers whether it was a moderator who took the nano down.
pub async fn set_archived_by_moderator(tx: &mut Tx, id: NanoId, by_moderator: bool) -> Result<(), DbError> {
    sqlx::query!("UPDATE nanos SET archived_by_moderator = ? WHERE id = ?", by_moderator, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes the next number for the nano's search document: what is indexed with it replaces everything older. Called with every
/// change of what everybody may read.
pub async fn next_index_version(tx: &mut Tx, id: NanoId) -> Result<u64, DbError> {
    tx.notify(NanoChanged { id, in_lists: true });
    sqlx::query!("UPDATE nanos SET index_version = index_version + 1 WHERE id = ?", id).execute(&mut **tx).await?;
    Ok(sqlx::query_scalar!("SELECT index_version FROM nanos WHERE id = ?", id).fetch_one(&mut **tx).await?)
}

/// Makes the number of the nano's search document at least `version`: for an index that knows a higher one, because the database
/// was set back to an earlier time. What is read of the nano stays the same.
pub async fn raise_index_version(tx: &mut Tx, id: NanoId, version: u64) -> Result<(), DbError> {
    sqlx::query!("UPDATE nanos SET index_version = ? WHERE id = ? AND index_version < ?", version, id, version)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn count_download(tx: &mut Tx, id: NanoId) -> Result<(), DbError> {
    tx.notify(NanoChanged { id, in_lists: false });
    sqlx::query!("UPDATE nanos SET download_count = download_count + 1 WHERE id = ?", id).execute(&mut **tx).await?;
    Ok(())
}
