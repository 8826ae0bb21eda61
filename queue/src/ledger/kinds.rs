//! Kinds of jobs that occur in the ledger.

use db::{Db, DbError};

/// Whether there is a job of this kind.
pub async fn exists(db: &Db, kind: &str) -> Result<bool, DbError> {
    let found =
        sqlx::query_scalar!("SELECT 1 FROM jobs WHERE kind = ? LIMIT 1", kind).fetch_optional(db.pool()).await?;
    Ok(found.is_some())
}
