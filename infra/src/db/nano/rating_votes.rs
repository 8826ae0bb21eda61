//! Who found a rating helpful. The count stands in the rating, whose row is locked first.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{NanoId, RatingId, UserId};
use sqlx::QueryBuilder;

/// Adds a vote about a locked rating; false when it was there.
pub async fn add(tx: &mut Tx, rating: RatingId, user: UserId, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "INSERT IGNORE INTO rating_votes (rating_id, user_id, created_at) VALUES (?, ?, ?)",
        rating,
        user,
        now
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("UPDATE ratings SET helpful_count = helpful_count + 1 WHERE id = ?", rating)
        .execute(&mut **tx)
        .await?;
    Ok(true)
}

/// Takes a vote about a locked rating back; false when there was none.
pub async fn remove(tx: &mut Tx, rating: RatingId, user: UserId) -> Result<bool, DbError> {
    let done = sqlx::query!("DELETE FROM rating_votes WHERE rating_id = ? AND user_id = ?", rating, user)
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    count_one_less(tx, rating).await?;
    Ok(true)
}

/// A wrong count must refuse nobody.
async fn count_one_less(tx: &mut Tx, rating: RatingId) -> Result<(), DbError> {
    sqlx::query!("UPDATE ratings SET helpful_count = helpful_count - 1 WHERE id = ? AND helpful_count > 0", rating)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Which of these ratings somebody found helpful.
pub async fn of_person(db: &Db, user: UserId, ratings: &[RatingId]) -> Result<Vec<RatingId>, DbError> {
    if ratings.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because a page has any length.
    let mut query = QueryBuilder::new("SELECT rating_id FROM rating_votes WHERE user_id = ");
    query.push_bind(user).push(" AND rating_id IN (");
    let mut list = query.separated(", ");
    for rating in ratings {
        list.push_bind(*rating);
    }
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(db.pool()).await?)
}

/// Takes all votes of a person back.
pub(super) async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    let ratings = sqlx::query_scalar!(
        r#"SELECT rating_id AS "rating_id: RatingId" FROM rating_votes WHERE user_id = ? ORDER BY rating_id"#,
        user
    )
    .fetch_all(&mut **tx)
    .await?;
    for rating in ratings {
        super::ratings::lock(tx, rating).await?;
        remove(tx, rating, user).await?;
    }
    Ok(())
}

/// Ratings of a nano whose count is not that of their votes; at most 500.
pub async fn miscounted(db: &Db, nano: NanoId) -> Result<Vec<RatingId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT r.id AS "id: RatingId" FROM ratings r
           WHERE r.nano_id = ? AND r.helpful_count <> (SELECT COUNT(*) FROM rating_votes v WHERE v.rating_id = r.id)
           LIMIT 500"#,
        nano
    )
    .fetch_all(db.pool())
    .await?)
}

/// Counts the votes of a locked rating anew.
pub async fn mend(tx: &mut Tx, rating: RatingId) -> Result<(), DbError> {
    let votes =
        sqlx::query_scalar!(r#"SELECT COUNT(*) AS "votes!: i64" FROM rating_votes WHERE rating_id = ?"#, rating)
            .fetch_one(&mut **tx)
            .await?;
    sqlx::query!("UPDATE ratings SET helpful_count = ? WHERE id = ?", votes, rating).execute(&mut **tx).await?;
    Ok(())
}
