//! What people have agreed to.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    consent::Subject,
    ids::{ConsentId, UserId},
};

/// One agreement.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    pub subject: Subject,
    pub version: String,
    pub given_at: DateTime<Utc>,
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// Everything somebody has agreed to, the newest first; at most 100.
pub async fn of(db: &Db, user: UserId) -> Result<Vec<Consent>, DbError> {
    Ok(sqlx::query_as!(
        Consent,
        r#"SELECT subject AS "subject: Subject", version, given_at AS "given_at: DateTime<Utc>",
             withdrawn_at AS "withdrawn_at: DateTime<Utc>"
           FROM consents WHERE user_id = ? ORDER BY given_at DESC, id DESC LIMIT 100"#,
        user
    )
    .fetch_all(db.pool())
    .await?)
}

/// Whether somebody agrees to this version just now.
pub async fn is_given(db: &Db, user: UserId, subject: Subject, version: &str) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM consents
             WHERE user_id = ? AND subject = ? AND version = ? AND withdrawn_at IS NULL) AS "given!: bool""#,
        user,
        subject,
        version
    )
    .fetch_one(db.pool())
    .await?)
}

/// Writes an agreement down, unless it holds already; false then. An earlier version's ends. Lock the person's row first.
pub async fn give(
    tx: &mut Tx,
    user: UserId,
    subject: Subject,
    version: &str,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let holds = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM consents
             WHERE user_id = ? AND subject = ? AND version = ? AND withdrawn_at IS NULL) AS "given!: bool""#,
        user,
        subject,
        version
    )
    .fetch_one(&mut **tx)
    .await?;
    if holds {
        return Ok(false);
    }
    withdraw(tx, user, subject, now).await?;
    sqlx::query!(
        "INSERT INTO consents (id, user_id, subject, version, given_at) VALUES (?, ?, ?, ?, ?)",
        ConsentId::new(),
        user,
        subject,
        version,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// Ends what somebody agrees to just now; false when it is nothing.
pub async fn withdraw(tx: &mut Tx, user: UserId, subject: Subject, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE consents SET withdrawn_at = ? WHERE user_id = ? AND subject = ? AND withdrawn_at IS NULL",
        now,
        user,
        subject
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
