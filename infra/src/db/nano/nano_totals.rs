//! What people have given a nano, counted: its scores, and how many have it among their favourites.
//!
//! The counts change in the transaction of what they count: their row is locked until the commit, after that of the rating. Kept
//! answers are told of each change; lists of nanos may be in the order of the average.

use db::{Db, DbError, Tx};
use domain::{
    ids::{NanoId, UserId},
    rating::Distribution,
};

use super::nanos::NanoChanged;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub scores: Distribution,
    pub favorites: u32,
}

/// As stored. A wrong count may be below zero, until it is mended.
struct Row {
    score_1: i32,
    score_2: i32,
    score_3: i32,
    score_4: i32,
    score_5: i32,
    favorite_count: i32,
}

impl From<Row> for Totals {
    fn from(row: Row) -> Self {
        let scores = [row.score_1, row.score_2, row.score_3, row.score_4, row.score_5];
        let count = |count: i32| u32::try_from(count).unwrap_or(0);
        Self { scores: Distribution(scores.map(count)), favorites: count(row.favorite_count) }
    }
}

/// A nano that nobody has given anything has no row.
pub async fn get(db: &Db, nano: NanoId) -> Result<Totals, DbError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT score_1, score_2, score_3, score_4, score_5, favorite_count FROM nano_totals WHERE nano_id = ?",
        nano
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(Totals::from).unwrap_or_default())
}

/// Counts a score that took the place of another; absent ones were or are none.
pub async fn count_score(tx: &mut Tx, nano: NanoId, before: Option<u8>, after: Option<u8>) -> Result<(), DbError> {
    if before == after {
        return Ok(());
    }
    tx.notify(NanoChanged { id: nano, in_lists: true });
    let by = |score: u8| i32::from(after == Some(score)) - i32::from(before == Some(score));
    sqlx::query!(
        "INSERT INTO nano_totals (nano_id, score_1, score_2, score_3, score_4, score_5) VALUES (?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE score_1 = score_1 + VALUES(score_1), score_2 = score_2 + VALUES(score_2),
           score_3 = score_3 + VALUES(score_3), score_4 = score_4 + VALUES(score_4), score_5 = score_5 + VALUES(score_5)",
        nano,
        by(1),
        by(2),
        by(3),
        by(4),
        by(5)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Counts a favourite that came (1) or went (-1).
pub async fn count_favorite(tx: &mut Tx, nano: NanoId, by: i32) -> Result<(), DbError> {
    tx.notify(NanoChanged { id: nano, in_lists: false });
    add_favorites(tx, nano, by).await
}

async fn add_favorites(tx: &mut Tx, nano: NanoId, by: i32) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO nano_totals (nano_id, favorite_count) VALUES (?, ?)
         ON DUPLICATE KEY UPDATE favorite_count = favorite_count + VALUES(favorite_count)",
        nano,
        by
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Some of the nanos that have been given something, or seem to, behind `after`, by id; at most 200.
pub async fn batch(db: &Db, after: NanoId) -> Result<Vec<NanoId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"(SELECT nano_id AS "nano_id!: NanoId" FROM nano_totals WHERE nano_id > ? ORDER BY nano_id LIMIT 200)
           UNION (SELECT DISTINCT nano_id FROM ratings WHERE nano_id > ? ORDER BY nano_id LIMIT 200)
           UNION (SELECT DISTINCT nano_id FROM favorites WHERE nano_id > ? ORDER BY nano_id LIMIT 200)
           ORDER BY 1 LIMIT 200"#,
        after,
        after,
        after
    )
    .fetch_all(db.pool())
    .await?)
}

/// Counts anew and writes what was wrong: what stood there, and what is right. While the row is locked nobody has counted what
/// is not committed, and what is committed was counted.
pub async fn mend(tx: &mut Tx, nano: NanoId) -> Result<Option<(Totals, Totals)>, DbError> {
    // Also locks the place of a row that is not there yet.
    add_favorites(tx, nano, 0).await?;
    let stored = sqlx::query_as!(
        Row,
        "SELECT score_1, score_2, score_3, score_4, score_5, favorite_count FROM nano_totals WHERE nano_id = ? FOR UPDATE",
        nano
    )
    .fetch_one(&mut **tx)
    .await?;
    let mut scores = [0; 5];
    let counted = sqlx::query!(
        r#"SELECT score, COUNT(*) AS "times!: i64" FROM ratings WHERE nano_id = ? AND status = 'published' GROUP BY score"#,
        nano
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in counted {
        if let Some(times) = usize::from(row.score).checked_sub(1).and_then(|place| scores.get_mut(place)) {
            *times = i32::try_from(row.times).unwrap_or(i32::MAX);
        }
    }
    let favorites =
        sqlx::query_scalar!(r#"SELECT COUNT(*) AS "favorites!: i64" FROM favorites WHERE nano_id = ?"#, nano)
            .fetch_one(&mut **tx)
            .await?;
    let [score_1, score_2, score_3, score_4, score_5] = scores;
    let favorite_count = i32::try_from(favorites).unwrap_or(i32::MAX);
    let right = [score_1, score_2, score_3, score_4, score_5, favorite_count];
    let were = [stored.score_1, stored.score_2, stored.score_3, stored.score_4, stored.score_5, stored.favorite_count];
    if were == right {
        return Ok(None);
    }
    tx.notify(NanoChanged { id: nano, in_lists: true });
    sqlx::query!(
        "UPDATE nano_totals SET score_1 = ?, score_2 = ?, score_3 = ?, score_4 = ?, score_5 = ?, favorite_count = ?
         WHERE nano_id = ?",
        score_1,
        score_2,
        score_3,
        score_4,
        score_5,
        favorite_count,
        nano
    )
    .execute(&mut **tx)
    .await?;
    let right = Row { score_1, score_2, score_3, score_4, score_5, favorite_count };
    Ok(Some((stored.into(), right.into())))
}

/// Forgets a person's favourites, with the counts.
pub async fn forget_favorites(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    let nanos = sqlx::query_scalar!(
        r#"SELECT nano_id AS "nano_id: NanoId" FROM favorites WHERE user_id = ? ORDER BY nano_id FOR UPDATE"#,
        user
    )
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM favorites WHERE user_id = ?", user).execute(&mut **tx).await?;
    for nano in nanos {
        count_favorite(tx, nano, -1).await?;
    }
    Ok(())
}
