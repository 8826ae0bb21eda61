//! Kinds of jobs that occur in the ledger.

use db::{Db, DbError};

/// Every kind that there are jobs of, by name: an index seek each, however many jobs there are.
pub async fn all(db: &Db) -> Result<Vec<String>, DbError> {
    let mut kinds: Vec<String> = Vec::new();
    loop {
        let last = kinds.last().map_or("", String::as_str);
        let next = sqlx::query_scalar!("SELECT kind FROM jobs WHERE kind > ? ORDER BY kind LIMIT 1", last)
            .fetch_optional(db.pool())
            .await?;
        match next {
            Some(next) => kinds.push(next),
            None => return Ok(kinds),
        }
    }
}

/// Whether there is a job of this kind.
pub async fn exists(db: &Db, kind: &str) -> Result<bool, DbError> {
    let found =
        sqlx::query_scalar!("SELECT 1 FROM jobs WHERE kind = ? LIMIT 1", kind).fetch_optional(db.pool()).await?;
    Ok(found.is_some())
}
