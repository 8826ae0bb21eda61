//! Ratings: one for each person and nano. `rating_lists.rs` has the pages of them, `nano_totals.rs` what they amount to.
//!
//! Locks come in the order rating, case, totals; a nano's row is never one of them.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{NanoId, RatingId, UserId},
    rating::{Part, RatingStatus},
};

use super::{nano_totals, rating_votes};

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Rating {
    pub id: RatingId,
    pub nano_id: NanoId,
    pub user_id: UserId,
    /// 1–5.
    pub score: u8,
    /// What everybody reads.
    pub comment: String,
    /// Of the nano's creator.
    pub reply: String,
    pub replied_at: Option<DateTime<Utc>>,
    pub status: RatingStatus,
    /// Of the moderator who removed it.
    pub removal_reason: Option<String>,
    pub helpful_count: u32,
    /// Raised by every edit.
    pub revision: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Rating,
            r#"SELECT id AS "id: RatingId", nano_id AS "nano_id: NanoId", user_id AS "user_id: UserId", score, comment, reply,
                 replied_at AS "replied_at: DateTime<Utc>", status AS "status: RatingStatus", removal_reason, helpful_count,
                 revision, created_at AS "created_at: DateTime<Utc>", updated_at AS "updated_at: DateTime<Utc>"
               FROM ratings WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

pub async fn get(db: &Db, id: RatingId) -> Result<Option<Rating>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// The same as this transaction sees it.
pub async fn get_in(tx: &mut Tx, id: RatingId) -> Result<Option<Rating>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(&mut **tx).await?)
}

/// What this person thinks of the nano.
pub async fn of_person(db: &Db, nano: NanoId, user: UserId) -> Result<Option<Rating>, DbError> {
    Ok(select!("nano_id = ? AND user_id = ?", nano, user).fetch_optional(db.pool()).await?)
}

/// The rating with its row locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: RatingId) -> Result<Option<Rating>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// What a rating starts with; its comment is looked at first (`rating_words`).
#[derive(Clone, Copy, Debug)]
pub struct NewRating {
    pub id: RatingId,
    pub nano_id: NanoId,
    pub user_id: UserId,
    pub score: u8,
}

/// Adds a rating and counts it, unless this person has one for the nano: then it is that one, locked.
pub async fn insert(tx: &mut Tx, rating: NewRating, now: DateTime<Utc>) -> Result<Option<Rating>, DbError> {
    // Of many at once each waits for the first one's row. A plain INSERT would share a lock with the next, and deadlock.
    sqlx::query!(
        "INSERT INTO ratings (id, nano_id, user_id, score, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE id = id",
        rating.id,
        rating.nano_id,
        rating.user_id,
        rating.score,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    let there =
        select!("nano_id = ? AND user_id = ? FOR UPDATE", rating.nano_id, rating.user_id).fetch_one(&mut **tx).await?;
    if there.id != rating.id {
        return Ok(Some(there));
    }
    nano_totals::count_score(tx, rating.nano_id, None, Some(rating.score)).await?;
    Ok(None)
}

/// Writes an edit of a locked rating, and counts its score.
pub async fn edit(tx: &mut Tx, rating: &Rating, score: u8, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE ratings SET score = ?, revision = revision + 1, updated_at = ? WHERE id = ?",
        score,
        now,
        rating.id
    )
    .execute(&mut **tx)
    .await?;
    nano_totals::count_score(tx, rating.nano_id, Some(rating.score), Some(score)).await
}

/// Makes words of a locked rating public; empty ones take away what was there.
pub async fn set_words(tx: &mut Tx, id: RatingId, part: Part, text: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    match part {
        Part::Comment => {
            sqlx::query!("UPDATE ratings SET comment = ? WHERE id = ?", text, id).execute(&mut **tx).await?;
        }
        Part::Reply => {
            let at = (!text.is_empty()).then_some(now);
            sqlx::query!("UPDATE ratings SET reply = ?, replied_at = ? WHERE id = ?", text, at, id)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// Takes a locked rating off the list: its words are gone, and it counts no more. The row stays, so that no other takes its
/// place.
pub async fn remove(tx: &mut Tx, rating: &Rating, reason: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM rating_words WHERE rating_id = ?", rating.id).execute(&mut **tx).await?;
    sqlx::query!(
        "UPDATE ratings SET status = 'removed', removal_reason = ?, comment = '', reply = '', replied_at = NULL,
           revision = revision + 1, updated_at = ? WHERE id = ?",
        reason,
        now,
        rating.id
    )
    .execute(&mut **tx)
    .await?;
    nano_totals::count_score(tx, rating.nano_id, Some(rating.score), None).await
}

/// Deletes a locked rating with everything about it. One that a moderator removed is counted already.
pub async fn delete(tx: &mut Tx, rating: &Rating) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM rating_words WHERE rating_id = ?", rating.id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM rating_votes WHERE rating_id = ?", rating.id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM ratings WHERE id = ?", rating.id).execute(&mut **tx).await?;
    if rating.status == RatingStatus::Removed {
        return Ok(());
    }
    nano_totals::count_score(tx, rating.nano_id, Some(rating.score), None).await
}

/// Forgets what a person has written, replies included, and what they found helpful.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    // Ratings are locked before totals, here too.
    sqlx::query!(
        "DELETE w FROM rating_words w JOIN ratings r ON r.id = w.rating_id JOIN nanos n ON n.id = r.nano_id
         WHERE n.creator_id = ? AND w.part = 'reply'",
        user
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE ratings r JOIN nanos n ON n.id = r.nano_id SET r.reply = '', r.replied_at = NULL
         WHERE n.creator_id = ? AND r.reply <> ''",
        user
    )
    .execute(&mut **tx)
    .await?;
    rating_votes::forget_person(tx, user).await?;
    let ratings = select!("user_id = ? ORDER BY id FOR UPDATE", user).fetch_all(&mut **tx).await?;
    for rating in &ratings {
        delete(tx, rating).await?;
    }
    Ok(())
}

/// Forgets everything that was given to a nano that is gone for good.
pub async fn forget_nano(tx: &mut Tx, nano: NanoId) -> Result<(), DbError> {
    sqlx::query!("DELETE w FROM rating_words w JOIN ratings r ON r.id = w.rating_id WHERE r.nano_id = ?", nano)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("DELETE v FROM rating_votes v JOIN ratings r ON r.id = v.rating_id WHERE r.nano_id = ?", nano)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("DELETE FROM ratings WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM favorites WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM nano_totals WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    Ok(())
}
