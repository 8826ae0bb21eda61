//! A row that is written to find out whether the database takes writes.

use db::{Db, DbError};

/// Writes it. A server that has become read-only answers reads as before, and refuses this.
pub async fn write(db: &Db) -> Result<(), DbError> {
    sqlx::query!("UPDATE write_probe SET at = UTC_TIMESTAMP(6) WHERE id = 1").execute(db.pool()).await?;
    Ok(())
}
