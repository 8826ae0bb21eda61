//! Nanos and the categories they are in. `nano_lists.rs` has the catalogue queries.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx, decode::word};
use domain::{
    ids::{CategoryId, NanoId, UserId, VersionId},
    nano::{Format, License, Status},
    user::Language,
};
use sqlx::QueryBuilder;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
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
    pub rating_count: u32,
    /// 0–5 with two decimals.
    pub average_rating: f64,
    /// External version of the search document.
    pub index_version: u64,
    /// Number of the last event.
    pub event_seq: u64,
    pub published_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: Uuid,
    creator_id: Uuid,
    title: String,
    description: String,
    duration_minutes: u32,
    level: u8,
    language: String,
    format: String,
    license: String,
    status: String,
    archived_by_moderator: bool,
    current_version_id: Option<Uuid>,
    latest_version_id: Option<Uuid>,
    thumbnail_key: Option<String>,
    download_count: u32,
    rating_count: u32,
    average_rating: f64,
    index_version: u64,
    event_seq: u64,
    published_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Nano {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id.into(),
            creator_id: row.creator_id.into(),
            title: row.title,
            description: row.description,
            duration_minutes: row.duration_minutes,
            level: row.level,
            language: word(&row.language)?,
            format: word(&row.format)?,
            license: word(&row.license)?,
            status: word(&row.status)?,
            archived_by_moderator: row.archived_by_moderator,
            current_version_id: row.current_version_id.map(VersionId),
            latest_version_id: row.latest_version_id.map(VersionId),
            thumbnail_key: row.thumbnail_key,
            download_count: row.download_count,
            rating_count: row.rating_count,
            average_rating: row.average_rating,
            index_version: row.index_version,
            event_seq: row.event_seq,
            published_at: row.published_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

macro_rules! select {
    ($tail:tt, $arg:expr) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id AS "id: Uuid", creator_id AS "creator_id: Uuid", title, description, duration_minutes, level,
                 language, format, license, status, archived_by_moderator AS "archived_by_moderator: bool",
                 current_version_id AS "current_version_id: Uuid", latest_version_id AS "latest_version_id: Uuid",
                 thumbnail_key, download_count, rating_count, average_rating + 0e0 AS "average_rating!: f64",
                 index_version, event_seq, published_at AS "published_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>", updated_at AS "updated_at: DateTime<Utc>"
               FROM nanos WHERE "#
                + $tail,
            $arg
        )
    };
}

pub async fn get(db: &Db, id: NanoId) -> Result<Option<Nano>, DbError> {
    select!("id = ?", id.0).fetch_optional(db.pool()).await?.map(Nano::try_from).transpose()
}

/// The nano with its row locked until the transaction ends: status moves and event numbers happen under this lock.
/// It comes before every other lock of the nano's rows.
pub async fn lock(tx: &mut Tx, id: NanoId) -> Result<Option<Nano>, DbError> {
    select!("id = ? FOR UPDATE", id.0).fetch_optional(&mut **tx).await?.map(Nano::try_from).transpose()
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
        nano.id.0,
        nano.creator_id.0,
        nano.title,
        nano.description,
        nano.duration_minutes,
        nano.level,
        nano.language.as_str(),
        nano.format.as_str(),
        nano.license.as_str(),
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Replaces the categories of a nano.
pub async fn set_categories(tx: &mut Tx, id: NanoId, categories: &[CategoryId]) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM nano_categories WHERE nano_id = ?", id.0).execute(&mut **tx).await?;
    if categories.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO nano_categories (nano_id, category_id) ");
    query.push_values(categories, |mut row, category| {
        row.push_bind(id.0).push_bind(category.0);
    });
    query.build().execute(&mut **tx).await?;
    Ok(())
}

/// The slugs of a nano's categories, sorted.
pub async fn category_slugs(db: &Db, id: NanoId) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "SELECT c.slug FROM nano_categories nc JOIN categories c ON c.id = nc.category_id
         WHERE nc.nano_id = ? ORDER BY c.slug",
        id.0
    )
    .fetch_all(db.pool())
    .await?)
}

/// Writes the fields that people edit: those of `nano` as they are now.
pub async fn update(tx: &mut Tx, nano: &Nano, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nanos SET title = ?, description = ?, duration_minutes = ?, level = ?, language = ?, format = ?,
           license = ?, updated_at = ?
         WHERE id = ?",
        nano.title,
        nano.description,
        nano.duration_minutes,
        nano.level,
        nano.language.as_str(),
        nano.format.as_str(),
        nano.license.as_str(),
        now,
        nano.id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores the status that a domain move returned. Call it under [`lock`].
pub async fn set_status(tx: &mut Tx, id: NanoId, status: Status, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nanos SET status = ?, deleted_at = IF(? = 'deleted', ?, NULL), updated_at = ? WHERE id = ?",
        status.as_str(),
        status.as_str(),
        now,
        now,
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Remembers whether it was a moderator who took the nano down.
pub async fn set_archived_by_moderator(tx: &mut Tx, id: NanoId, by_moderator: bool) -> Result<(), DbError> {
    sqlx::query!("UPDATE nanos SET archived_by_moderator = ? WHERE id = ?", by_moderator, id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes the next number for the nano's search document: what is indexed with it replaces everything older.
pub async fn next_index_version(tx: &mut Tx, id: NanoId) -> Result<u64, DbError> {
    sqlx::query!("UPDATE nanos SET index_version = index_version + 1 WHERE id = ?", id.0).execute(&mut **tx).await?;
    Ok(sqlx::query_scalar!("SELECT index_version FROM nanos WHERE id = ?", id.0).fetch_one(&mut **tx).await?)
}

pub async fn count_download(tx: &mut Tx, id: NanoId) -> Result<(), DbError> {
    sqlx::query!("UPDATE nanos SET download_count = download_count + 1 WHERE id = ?", id.0).execute(&mut **tx).await?;
    Ok(())
}
