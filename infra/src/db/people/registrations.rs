//! Accounts whose address is not confirmed yet. Several may name the same one; each has a username, a password and links of
//! its own, and the first whose link is followed gets the address.

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::{
    ids::UserId,
    user::{Language, UserStatus},
};

use super::{
    email_changes, email_tokens, personal_tokens, refresh_tokens, second_factors,
    users::{self, both_forms},
};
use crate::db::retention;

/// One that waits for its link to be followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    pub id: UserId,
    pub username: String,
    pub language: Language,
}

/// The newest registrations with the address that wait to be confirmed; none once somebody has confirmed it. At most five.
pub async fn waiting(tx: &mut Tx, email: &str) -> Result<Vec<Registration>, DbError> {
    if users::confirmed(tx, email).await?.is_some() {
        return Ok(Vec::new());
    }
    let [stored, before] = both_forms(email);
    Ok(sqlx::query_as!(
        Registration,
        r#"SELECT id AS "id: UserId", username, language AS "language: Language" FROM users
           WHERE email IN (?, ?) AND email_verified_at IS NULL AND status = 'active' ORDER BY id DESC LIMIT 5"#,
        stored,
        before
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Gives the address to the account `id`, and closes up to 50 others that wait for it (what is left of more can never be
/// confirmed, and ends by itself). Every session that was opened before ends, and with them what could be left behind in one: access
/// tokens, a second factor, the wish for another address. Who had it need not be who reads the mail.
/// Returns whom it closed; `None` when the account does not wait any more, or somebody else has confirmed the address.
pub async fn activate(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<Option<Vec<UserId>>, DbError> {
    let Some(account) = users::get_in(tx, id).await? else { return Ok(None) };
    let rows = lock_address(tx, &account.email, id).await?;
    let waits = rows.iter().any(|row| row.id == id && row.status.may_sign_in());
    if !waits || rows.iter().any(|row| row.confirmed) {
        return Ok(None);
    }
    refresh_tokens::revoke_all(tx, id, now).await?;
    personal_tokens::revoke_all(tx, id, now).await?;
    second_factors::remove(tx, id).await?;
    email_changes::remove(tx, id).await?;
    email_tokens::spend_all(tx, id, now).await?;
    let closed = close_others(tx, rows, id, now).await?;
    users::set_email_verified(tx, id, now).await?;
    Ok(Some(closed))
}

/// Gives another address to the account `id`, whose owner has followed the link that was mailed there; closes others that wait
/// for it, as [`activate`] does. `None` when somebody else has confirmed it.
pub async fn readdress(
    tx: &mut Tx,
    id: UserId,
    email: &str,
    now: DateTime<Utc>,
) -> Result<Option<Vec<UserId>>, DbError> {
    let rows = lock_address(tx, email, id).await?;
    if rows.iter().any(|row| row.confirmed && row.id != id) {
        return Ok(None);
    }
    email_tokens::spend_all(tx, id, now).await?;
    let closed = close_others(tx, rows, id, now).await?;
    match users::set_email(tx, id, email, now).await {
        Ok(()) => Ok(Some(closed)),
        // Somebody was quicker.
        Err(DbError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An account that names an address.
struct AtAddress {
    id: UserId,
    status: UserStatus,
    confirmed: bool,
}

/// Locks them all in one order, so that two links of one address do not deadlock; the account `first` and confirmed ones first.
async fn lock_address(tx: &mut Tx, email: &str, first: UserId) -> Result<Vec<AtAddress>, DbError> {
    let [stored, before] = both_forms(email);
    Ok(sqlx::query_as!(
        AtAddress,
        r#"SELECT id AS "id: UserId", status AS "status: UserStatus", email_verified_at IS NOT NULL AS "confirmed!: bool"
           FROM users WHERE email IN (?, ?) ORDER BY email_verified_at IS NULL, id <> ?, id LIMIT 51 FOR UPDATE"#,
        stored,
        before,
        first
    )
    .fetch_all(&mut **tx)
    .await?)
}

async fn close_others(
    tx: &mut Tx,
    rows: Vec<AtAddress>,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<UserId>, DbError> {
    let mut closed = Vec::new();
    for other in rows.into_iter().filter(|row| row.id != id && row.status != UserStatus::Suspended) {
        close(tx, other.id, now).await?;
        closed.push(other.id);
    }
    Ok(closed)
}

/// Ends an account that was never confirmed: nobody can sign in to it, its drafts go, its username is free, and nobody is
/// named in it any more.
pub async fn close(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    refresh_tokens::revoke_all(tx, id, now).await?;
    email_tokens::spend_all(tx, id, now).await?;
    sqlx::query!(
        "UPDATE nanos SET status = 'deleted', deleted_at = ?, updated_at = ? WHERE creator_id = ? AND status <> 'deleted'",
        now,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE users SET status = 'deleted', updated_at = ? WHERE id = ?", now, id)
        .execute(&mut **tx)
        .await?;
    retention::anonymise_account(tx, id, now).await
}
