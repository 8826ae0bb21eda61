//! Second factors: an authenticator app of each person who wants one, and recovery codes by their hash. `passkeys.rs` has the
//! others.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{ids::UserId, token::TokenHash};

#[derive(Clone, Debug, PartialEq)]
pub struct SecondFactor {
    /// As it is stored: sealed.
    pub secret: Vec<u8>,
    /// Codes of this step and those before are used up.
    pub last_step: Option<u64>,
    /// `None` while it is being set up.
    pub enabled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl SecondFactor {
    pub const fn is_on(&self) -> bool {
        self.enabled_at.is_some()
    }
}

macro_rules! select {
    ($user:expr) => {
        sqlx::query_as!(
            SecondFactor,
            r#"SELECT secret, last_step, enabled_at AS "enabled_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>"
               FROM second_factors WHERE user_id = ?"#,
            $user
        )
    };
}

pub async fn get(db: &Db, user: UserId) -> Result<Option<SecondFactor>, DbError> {
    Ok(select!(user).fetch_optional(db.pool()).await?)
}

/// As this transaction sees it. Lock the person's row first: nobody switches one on meanwhile.
pub async fn get_in(tx: &mut Tx, user: UserId) -> Result<Option<SecondFactor>, DbError> {
    Ok(select!(user).fetch_optional(&mut **tx).await?)
}

/// Since when somebody has a second factor of whatever kind; `None` without any. Lock the person's row first: nobody adds or
/// removes one meanwhile.
pub async fn since_in(tx: &mut Tx, user: UserId) -> Result<Option<DateTime<Utc>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT MIN(since) AS "since: DateTime<Utc>" FROM (
             SELECT enabled_at AS since FROM second_factors WHERE user_id = ? AND enabled_at IS NOT NULL
             UNION ALL SELECT created_at FROM passkeys WHERE user_id = ?) factors"#,
        user,
        user
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Begins to set one up, anew if that was begun before. False when one is on already.
pub async fn set_up(tx: &mut Tx, user: UserId, secret: &[u8], now: DateTime<Utc>) -> Result<bool, DbError> {
    sqlx::query!("DELETE FROM second_factors WHERE user_id = ? AND enabled_at IS NULL", user)
        .execute(&mut **tx)
        .await?;
    let done = sqlx::query!(
        "INSERT IGNORE INTO second_factors (user_id, secret, created_at) VALUES (?, ?, ?)",
        user,
        secret,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets what is being set up, a passkey too. What is on stays.
pub async fn give_up(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM passkey_ceremonies WHERE user_id = ?", user).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM second_factors WHERE user_id = ? AND enabled_at IS NULL", user)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Switches on the one that is being set up, if it still has this secret; `step` is that of the code which proved it.
pub async fn enable(tx: &mut Tx, user: UserId, secret: &[u8], step: u64, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE second_factors SET enabled_at = ?, last_step = ?
         WHERE user_id = ? AND secret = ? AND enabled_at IS NULL",
        now,
        step,
        user,
        secret
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses up the codes up to this step; false when that one is used up already.
pub async fn use_step(tx: &mut Tx, user: UserId, step: u64) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE second_factors SET last_step = ?
         WHERE user_id = ? AND enabled_at IS NOT NULL AND (last_step IS NULL OR last_step < ?)",
        step,
        user,
        step
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps the same secret sealed otherwise: with a newer key.
pub async fn reseal(tx: &mut Tx, user: UserId, before: &[u8], secret: &[u8]) -> Result<(), DbError> {
    sqlx::query!("UPDATE second_factors SET secret = ? WHERE user_id = ? AND secret = ?", secret, user, before)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes the app away. False when there was none.
pub async fn remove_app(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    let done = sqlx::query!("DELETE FROM second_factors WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Takes every factor away: app, passkeys, recovery codes, and what is being set up. False when there was none.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    give_up(tx, user).await?;
    forget_recovery_codes(tx, user).await?;
    let passkeys = sqlx::query!("DELETE FROM passkeys WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(remove_app(tx, user).await? || passkeys.rows_affected() > 0)
}

/// Recovery codes are worth nothing without a factor.
pub async fn forget_recovery_codes(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM recovery_codes WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}

/// Replaces the recovery codes.
pub async fn set_recovery_codes(
    tx: &mut Tx,
    user: UserId,
    codes: &[TokenHash],
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    forget_recovery_codes(tx, user).await?;
    for code in codes {
        sqlx::query!(
            "INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES (?, ?, ?)",
            user,
            code.as_slice(),
            now
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Uses up a recovery code; false when it is none of this person's, or used.
pub async fn use_recovery_code(
    tx: &mut Tx,
    user: UserId,
    code: &TokenHash,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE recovery_codes SET used_at = ? WHERE user_id = ? AND code_hash = ? AND used_at IS NULL",
        now,
        user,
        code.as_slice()
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many recovery codes are left.
pub async fn recovery_codes_left(db: &Db, user: UserId) -> Result<u64, DbError> {
    let left = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "left: i64" FROM recovery_codes WHERE user_id = ? AND used_at IS NULL"#,
        user
    )
    .fetch_one(db.pool())
    .await?;
    Ok(left.unsigned_abs())
}
