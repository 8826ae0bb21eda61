//! Edits of published nanos that are not public yet: a title and a description each.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::NanoId;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct NanoEdit {
    pub title: String,
    pub description: String,
    /// Why a person has to look; absent until the scan has run.
    pub findings: Option<Value>,
    pub created_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $arg:expr) => {
        sqlx::query_as!(
            NanoEdit,
            r#"SELECT title, description, findings AS "findings: Value", created_at AS "created_at: DateTime<Utc>"
               FROM nano_edits WHERE nano_id = ?"#
                + $tail,
            $arg
        )
    };
}

pub async fn get(db: &Db, nano: NanoId) -> Result<Option<NanoEdit>, DbError> {
    Ok(select!("", nano).fetch_optional(db.pool()).await?)
}

/// The same in a transaction that has locked the nano.
pub async fn get_in(tx: &mut Tx, nano: NanoId) -> Result<Option<NanoEdit>, DbError> {
    Ok(select!(" FOR UPDATE", nano).fetch_optional(&mut **tx).await?)
}

/// Puts an edit in the place of an earlier one.
pub async fn put(tx: &mut Tx, nano: NanoId, title: &str, description: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO nano_edits (nano_id, title, description, created_at) VALUES (?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE title = VALUES(title), description = VALUES(description), findings = NULL,
           created_at = VALUES(created_at)",
        nano,
        title,
        description,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Remembers why a person has to look.
pub async fn hold(tx: &mut Tx, nano: NanoId, findings: &Value) -> Result<(), DbError> {
    sqlx::query!("UPDATE nano_edits SET findings = ? WHERE nano_id = ?", findings, nano).execute(&mut **tx).await?;
    Ok(())
}

/// It is public, refused, or given up.
pub async fn remove(tx: &mut Tx, nano: NanoId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM nano_edits WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    Ok(())
}
