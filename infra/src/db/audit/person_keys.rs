//! The keys that seal what the audit log says of one person: made with the first such row, destroyed with the person.

use std::collections::HashMap;

use db::{Db, DbError, Tx};
use domain::ids::UserId;
use sqlx::QueryBuilder;

use crate::seal::PersonKey;

/// Somebody's key; a new one when there is none. Take it before the end of the chain is locked.
pub async fn of(tx: &mut Tx, user: UserId) -> Result<PersonKey, DbError> {
    if let Some(key) = find(tx, user).await? {
        return Ok(key);
    }
    let secret: [u8; PersonKey::BYTES] = rand::random();
    sqlx::query!(
        "INSERT IGNORE INTO person_keys (user_id, secret, created_at) VALUES (?, ?, UTC_TIMESTAMP(6))",
        user,
        secret.as_slice()
    )
    .execute(&mut **tx)
    .await?;
    // Somebody else may have been first.
    Ok(find(tx, user).await?.unwrap_or(PersonKey::new(secret)))
}

async fn find(tx: &mut Tx, user: UserId) -> Result<Option<PersonKey>, DbError> {
    let secret =
        sqlx::query_scalar!("SELECT secret FROM person_keys WHERE user_id = ?", user).fetch_optional(&mut **tx).await?;
    Ok(secret.and_then(|secret| PersonKey::read(&secret)))
}

/// Those of these people who have one.
pub async fn among(db: &Db, users: &[UserId]) -> Result<HashMap<UserId, PersonKey>, DbError> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    // Built at run time, because the list has any length.
    let mut query = QueryBuilder::new("SELECT user_id, secret FROM person_keys WHERE user_id IN (");
    let mut list = query.separated(", ");
    for user in users {
        list.push_bind(*user);
    }
    query.push(")");
    let rows: Vec<(UserId, Vec<u8>)> = query.build_query_as().fetch_all(db.pool()).await?;
    Ok(rows.into_iter().filter_map(|(user, secret)| Some((user, PersonKey::read(&secret)?))).collect())
}

/// What it has sealed is read by nobody any more. False when there was none.
pub async fn destroy(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    let done = sqlx::query!("DELETE FROM person_keys WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}
