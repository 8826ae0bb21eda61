//! Comments and replies that are not public yet.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{ids::RatingId, rating::Part};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    pub rating_id: RatingId,
    pub part: Part,
    pub text: String,
    /// Why a person has to look; absent until the scan has run.
    pub findings: Option<Value>,
    pub created_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Words,
            r#"SELECT rating_id AS "rating_id: RatingId", part AS "part: Part", text, findings AS "findings: Value",
                 created_at AS "created_at: DateTime<Utc>"
               FROM rating_words WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// Those of a rating, the comment first.
pub async fn of(db: &Db, rating: RatingId) -> Result<Vec<Words>, DbError> {
    Ok(select!("rating_id = ? ORDER BY part", rating).fetch_all(db.pool()).await?)
}

/// The same as this transaction sees them.
pub async fn of_in(tx: &mut Tx, rating: RatingId) -> Result<Vec<Words>, DbError> {
    Ok(select!("rating_id = ? ORDER BY part", rating).fetch_all(&mut **tx).await?)
}

/// One of them in a transaction that has locked the rating.
pub async fn get_in(tx: &mut Tx, rating: RatingId, part: Part) -> Result<Option<Words>, DbError> {
    Ok(select!("rating_id = ? AND part = ? FOR UPDATE", rating, part).fetch_optional(&mut **tx).await?)
}

/// Puts words in the place of earlier ones that wait.
pub async fn put(tx: &mut Tx, rating: RatingId, part: Part, text: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO rating_words (rating_id, part, text, created_at) VALUES (?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE text = VALUES(text), findings = NULL, created_at = VALUES(created_at)",
        rating,
        part,
        text,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Remembers why a person has to look.
pub async fn hold(tx: &mut Tx, rating: RatingId, part: Part, findings: &Value) -> Result<(), DbError> {
    sqlx::query!("UPDATE rating_words SET findings = ? WHERE rating_id = ? AND part = ?", findings, rating, part)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// They are public, refused, or given up.
pub async fn remove(tx: &mut Tx, rating: RatingId, part: Part) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM rating_words WHERE rating_id = ? AND part = ?", rating, part).execute(&mut **tx).await?;
    Ok(())
}
