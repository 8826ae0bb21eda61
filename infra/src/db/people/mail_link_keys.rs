//! What the links in people's mails are signed with.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Hash, Tx};
use domain::{ids::UserId, notification::LinkKey};

/// A person's key; none while no mail of theirs had such a link.
pub async fn get(db: &Db, user: UserId) -> Result<Option<LinkKey>, DbError> {
    let key = sqlx::query_scalar!(r#"SELECT secret AS "secret: Hash" FROM mail_link_keys WHERE user_id = ?"#, user)
        .fetch_optional(db.pool())
        .await?;
    Ok(key.map(|Hash(key)| key))
}

/// A person's key: the one there is, or this one from now on.
pub async fn get_or_keep(tx: &mut Tx, user: UserId, fresh: LinkKey, now: DateTime<Utc>) -> Result<LinkKey, DbError> {
    sqlx::query!(
        "INSERT INTO mail_link_keys (user_id, secret, created_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE user_id = user_id",
        user,
        Hash(fresh),
        now
    )
    .execute(&mut **tx)
    .await?;
    let Hash(key) =
        sqlx::query_scalar!(r#"SELECT secret AS "secret: Hash" FROM mail_link_keys WHERE user_id = ?"#, user)
            .fetch_one(&mut **tx)
            .await?;
    Ok(key)
}

/// Forgets a person's key: links in mails of before work no more.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM mail_link_keys WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}
