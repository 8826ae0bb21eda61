//! Searches that people keep.

use chrono::{DateTime, NaiveDate, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{SavedSearchId, UserId},
    saved_search::Criteria,
};
use sqlx::types::Json;

#[derive(Clone, Debug, PartialEq)]
pub struct SavedSearch {
    pub id: SavedSearchId,
    pub user_id: UserId,
    pub name: String,
    pub criteria: Json<Criteria>,
    /// Whether its owner is told of new nanos that match.
    pub alerts: bool,
    /// Of what was published before nobody is told.
    pub watched_since: DateTime<Utc>,
    /// The day (UTC) on which it last told of something.
    pub alerted_on: Option<NaiveDate>,
    /// Raised by every edit.
    pub revision: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            SavedSearch,
            r#"SELECT id AS "id: SavedSearchId", user_id AS "user_id: UserId", name, criteria AS "criteria: Json<Criteria>",
                 alerts AS "alerts: bool", watched_since AS "watched_since: DateTime<Utc>",
                 alerted_on AS "alerted_on: NaiveDate", revision, created_at AS "created_at: DateTime<Utc>",
                 updated_at AS "updated_at: DateTime<Utc>"
               FROM saved_searches WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// One of this person's.
pub async fn get(db: &Db, user: UserId, id: SavedSearchId) -> Result<Option<SavedSearch>, DbError> {
    Ok(select!("id = ? AND user_id = ?", id, user).fetch_optional(db.pool()).await?)
}

/// One of this person's with its row locked until the transaction ends.
pub async fn lock(tx: &mut Tx, user: UserId, id: SavedSearchId) -> Result<Option<SavedSearch>, DbError> {
    Ok(select!("id = ? AND user_id = ? FOR UPDATE", id, user).fetch_optional(&mut **tx).await?)
}

/// All of this person's, the newest first; as many as one may have.
pub async fn of(db: &Db, user: UserId) -> Result<Vec<SavedSearch>, DbError> {
    Ok(select!("user_id = ? ORDER BY id DESC LIMIT 25", user).fetch_all(db.pool()).await?)
}

/// The same in the order of their ids, locked: who tells of what they find does so under this lock.
pub async fn lock_all(tx: &mut Tx, user: UserId) -> Result<Vec<SavedSearch>, DbError> {
    Ok(select!("user_id = ? ORDER BY id LIMIT 25 FOR UPDATE", user).fetch_all(&mut **tx).await?)
}

/// How many searches somebody keeps. Lock the person's row first, where it decides about another one.
pub async fn count(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    let searches =
        sqlx::query_scalar!(r#"SELECT COUNT(*) AS "searches!: i64" FROM saved_searches WHERE user_id = ?"#, user)
            .fetch_one(&mut **tx)
            .await?;
    Ok(searches.unsigned_abs())
}

/// What a saved search starts with.
pub struct NewSavedSearch<'a> {
    pub id: SavedSearchId,
    pub user_id: UserId,
    pub name: &'a str,
    pub criteria: &'a Criteria,
    pub alerts: bool,
}

pub async fn insert(tx: &mut Tx, search: &NewSavedSearch<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO saved_searches (id, user_id, name, criteria, alerts, watched_since, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        search.id,
        search.user_id,
        search.name,
        Json(search.criteria),
        search.alerts,
        now,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what people edit of a locked search.
pub async fn update(tx: &mut Tx, search: &SavedSearch, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE saved_searches SET name = ?, criteria = ?, alerts = ?, watched_since = ?, revision = revision + 1,
           updated_at = ? WHERE id = ?",
        search.name,
        Json(&search.criteria.0),
        search.alerts,
        search.watched_since,
        now,
        search.id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that a locked search has told of something today.
pub async fn set_alerted(tx: &mut Tx, id: SavedSearchId, today: NaiveDate) -> Result<(), DbError> {
    sqlx::query!("UPDATE saved_searches SET alerted_on = ? WHERE id = ?", today, id).execute(&mut **tx).await?;
    Ok(())
}

/// Deletes one of this person's; false when it is none.
pub async fn delete(tx: &mut Tx, user: UserId, id: SavedSearchId) -> Result<bool, DbError> {
    let done =
        sqlx::query!("DELETE FROM saved_searches WHERE id = ? AND user_id = ?", id, user).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// People behind `after` with searches that tell them of something, by id; at most 200. Not those who were told today.
pub async fn people(db: &Db, after: UserId, today: NaiveDate) -> Result<Vec<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT s.user_id AS "user_id: UserId" FROM saved_searches s JOIN users u ON u.id = s.user_id
           WHERE s.alerts = TRUE AND s.user_id > ? AND u.status = 'active'
             AND NOT EXISTS (SELECT 1 FROM saved_searches t WHERE t.user_id = s.user_id AND t.alerted_on >= ?)
           ORDER BY s.user_id LIMIT 200"#,
        after,
        today
    )
    .fetch_all(db.pool())
    .await?)
}

/// Forgets a person's searches.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM saved_searches WHERE user_id = ?", user).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM alerted_nanos WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}
