//! Lists of nanos that people keep, and what is on them, in their order.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    collection::Visibility,
    ids::{ListId, NanoId, UserId},
    token::TokenHash,
};
use sqlx::QueryBuilder;

#[derive(Clone, Debug, PartialEq)]
pub struct SavedList {
    pub id: ListId,
    pub user_id: UserId,
    pub name: String,
    pub description: String,
    /// Whether it has a link.
    pub shared: bool,
    /// Raised by every edit, of its nanos too.
    pub revision: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl SavedList {
    pub const fn visibility(&self) -> Visibility {
        if self.shared { Visibility::Link } else { Visibility::Private }
    }
}

/// A nano's place on a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    pub nano_id: NanoId,
    pub added_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            SavedList,
            r#"SELECT id AS "id: ListId", user_id AS "user_id: UserId", name, description,
                 share_hash IS NOT NULL AS "shared!: bool", revision, created_at AS "created_at: DateTime<Utc>",
                 updated_at AS "updated_at: DateTime<Utc>"
               FROM saved_lists WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// One of this person's lists.
pub async fn get(db: &Db, user: UserId, id: ListId) -> Result<Option<SavedList>, DbError> {
    Ok(select!("id = ? AND user_id = ?", id, user).fetch_optional(db.pool()).await?)
}

/// The list of a link.
pub async fn by_link(db: &Db, hash: &TokenHash) -> Result<Option<SavedList>, DbError> {
    Ok(select!("share_hash = ?", hash.as_slice()).fetch_optional(db.pool()).await?)
}

/// One of this person's lists with its row locked until the transaction ends: what is on it changes under this lock.
pub async fn lock(tx: &mut Tx, user: UserId, id: ListId) -> Result<Option<SavedList>, DbError> {
    Ok(select!("id = ? AND user_id = ? FOR UPDATE", id, user).fetch_optional(&mut **tx).await?)
}

/// Somebody's lists, the newest first; as many as one person may have.
pub async fn of(db: &Db, user: UserId) -> Result<Vec<SavedList>, DbError> {
    Ok(select!("user_id = ? ORDER BY id DESC LIMIT 100", user).fetch_all(db.pool()).await?)
}

/// How many lists somebody has.
pub async fn count(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    let lists = sqlx::query_scalar!(r#"SELECT COUNT(*) AS "lists!: i64" FROM saved_lists WHERE user_id = ?"#, user)
        .fetch_one(&mut **tx)
        .await?;
    Ok(lists.unsigned_abs())
}

/// What a list starts with.
pub struct NewSavedList<'a> {
    pub id: ListId,
    pub user_id: UserId,
    pub name: &'a str,
    pub description: &'a str,
}

pub async fn insert(tx: &mut Tx, list: &NewSavedList<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO saved_lists (id, user_id, name, description, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        list.id,
        list.user_id,
        list.name,
        list.description,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what people edit of a locked list.
pub async fn update(tx: &mut Tx, list: &SavedList, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE saved_lists SET name = ?, description = ?, revision = revision + 1, updated_at = ? WHERE id = ?",
        list.name,
        list.description,
        now,
        list.id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives a locked list the link of this secret, in the place of an earlier one; without one it has none any more.
pub async fn set_link(tx: &mut Tx, id: ListId, hash: Option<&TokenHash>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE saved_lists SET share_hash = ?, updated_at = ? WHERE id = ?",
        hash.map(|hash| hash.as_slice()),
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a locked list with what is on it.
pub async fn delete(tx: &mut Tx, id: ListId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM saved_list_nanos WHERE list_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM saved_lists WHERE id = ?", id).execute(&mut **tx).await?;
    Ok(())
}

/// What is on a list, in its order.
pub async fn entries(db: &Db, id: ListId) -> Result<Vec<Entry>, DbError> {
    Ok(sqlx::query_as!(
        Entry,
        r#"SELECT nano_id AS "nano_id: NanoId", added_at AS "added_at: DateTime<Utc>" FROM saved_list_nanos
           WHERE list_id = ? ORDER BY position, nano_id"#,
        id
    )
    .fetch_all(db.pool())
    .await?)
}

/// The same of a locked list.
pub async fn entries_in(tx: &mut Tx, id: ListId) -> Result<Vec<Entry>, DbError> {
    Ok(sqlx::query_as!(
        Entry,
        r#"SELECT nano_id AS "nano_id: NanoId", added_at AS "added_at: DateTime<Utc>" FROM saved_list_nanos
           WHERE list_id = ? ORDER BY position, nano_id"#,
        id
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Puts these on a locked list, in this order, in the place of what is on it.
pub async fn set_entries(tx: &mut Tx, id: ListId, entries: &[Entry], now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM saved_list_nanos WHERE list_id = ?", id).execute(&mut **tx).await?;
    if !entries.is_empty() {
        // Built at run time, because a list has any length.
        let mut query = QueryBuilder::new("INSERT INTO saved_list_nanos (list_id, nano_id, position, added_at) ");
        query.push_values((0_u32..).zip(entries), |mut row, (position, entry)| {
            row.push_bind(id).push_bind(entry.nano_id).push_bind(position).push_bind(entry.added_at);
        });
        query.build().execute(&mut **tx).await?;
    }
    sqlx::query!("UPDATE saved_lists SET revision = revision + 1, updated_at = ? WHERE id = ?", now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets a person's lists.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE e FROM saved_list_nanos e JOIN saved_lists l ON l.id = e.list_id WHERE l.user_id = ?", user)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("DELETE FROM saved_lists WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}

/// Takes a nano that is gone for good off all lists.
pub async fn forget_nano(tx: &mut Tx, nano: NanoId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM saved_list_nanos WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    Ok(())
}
