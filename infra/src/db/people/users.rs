//! Accounts.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    data_request::Cause,
    ids::{TokenId, UserId},
    user::{Email, Language, Role, UserStatus},
};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::data_requests;

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: UserId,
    /// In its stored form (`domain::user::Email`).
    pub email: String,
    pub username: String,
    /// PHC string of argon2id.
    pub password_hash: String,
    pub name: String,
    pub bio: String,
    pub role: Role,
    pub status: UserStatus,
    pub language: Language,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub creator_terms_version: Option<String>,
    pub last_login_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            User,
            r#"SELECT id AS "id: UserId", email, username, password_hash, name, bio, role AS "role: Role",
                 status AS "status: UserStatus", language AS "language: Language",
                 email_verified_at AS "email_verified_at: DateTime<Utc>", creator_terms_version,
                 last_login_at AS "last_login_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>", updated_at AS "updated_at: DateTime<Utc>"
               FROM users WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

pub async fn get(db: &Db, id: UserId) -> Result<Option<User>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// The account as this transaction sees it: a transaction that asked the pool could wait for itself.
pub async fn get_in(tx: &mut Tx, id: UserId) -> Result<Option<User>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(&mut **tx).await?)
}

/// The account with its row locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: UserId) -> Result<Option<User>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// Whom an address means: the account that has confirmed it, else the newest registration with it.
pub async fn find_by_email(db: &Db, email: &str) -> Result<Option<User>, DbError> {
    let [stored, before] = both_forms(email);
    let found = select!("email IN (?, ?) ORDER BY email_verified_at IS NULL, id DESC LIMIT 1", stored, before);
    Ok(found.fetch_optional(db.pool()).await?)
}

pub async fn find_by_username(db: &Db, username: &str) -> Result<Option<User>, DbError> {
    Ok(select!("username = ?", username).fetch_optional(db.pool()).await?)
}

/// Whom an address may mean at sign-in, which the password decides: the account that has confirmed it and the newest
/// registration with it. Whoever has just registered finds themselves among them, whatever else there is at the address. Older
/// registrations are not: with one of one's own before them, their passwords could be guessed under its limit.
pub async fn sign_in_candidates(db: &Db, email: &str) -> Result<Vec<User>, DbError> {
    let [stored, before] = both_forms(email);
    let found = select!("email IN (?, ?) ORDER BY email_verified_at IS NULL, id DESC LIMIT 2", stored, before);
    let mut users = found.fetch_all(db.pool()).await?;
    if users.first().is_some_and(|first| first.email_verified_at.is_none()) {
        users.truncate(1);
    }
    Ok(users)
}

/// The account that has confirmed the address.
pub async fn confirmed(tx: &mut Tx, email: &str) -> Result<Option<User>, DbError> {
    let [stored, before] = both_forms(email);
    let found = select!("confirmed_email IN (?, ?) LIMIT 1", stored, before);
    Ok(found.fetch_optional(&mut **tx).await?)
}

/// An address as it is stored, and as it was before domains were kept in their ASCII form: rows of then may still be there.
pub(super) fn both_forms(email: &str) -> [String; 2] {
    match email.parse::<Email>() {
        Ok(email) => [email.to_string(), email.shown()],
        Err(_) => [email.to_owned(), email.to_owned()],
    }
}

/// What a new account starts with.
pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a str,
    pub username: &'a str,
    pub password_hash: &'a str,
    pub name: &'a str,
    pub role: Role,
    pub language: Language,
    /// Set for accounts made by an operator; people verify by mail.
    pub email_verified_at: Option<DateTime<Utc>>,
}

/// A taken username is `Conflict` on `users_username`; an address that somebody else has confirmed, of an account that starts
/// with a confirmed one, on `users_confirmed_email`.
pub async fn insert(tx: &mut Tx, user: &NewUser<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO users (id, email, username, password_hash, name, role, language, email_verified_at,
           created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        user.id,
        user.email,
        user.username,
        user.password_hash,
        user.name,
        user.role,
        user.language,
        user.email_verified_at,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What every request of a signed-in person is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub role: Role,
    pub status: UserStatus,
    pub email_verified: bool,
    /// An app or a passkey.
    pub second_factor: bool,
    /// The session (refresh token family) was neither logged out nor revoked; of a personal access token, that it is live.
    pub session_live: bool,
}

/// Of somebody at a session: one read by primary key, one by the family's key, two by the second factors'.
pub async fn access(db: &Db, id: UserId, family: Uuid) -> Result<Option<Access>, DbError> {
    Ok(sqlx::query_as!(
        Access,
        r#"SELECT role AS "role: Role", status AS "status: UserStatus",
             email_verified_at IS NOT NULL AS "email_verified!: bool",
             (EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = users.id AND f.enabled_at IS NOT NULL)
               OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = users.id)) AS "second_factor!: bool",
             EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family_id = ? AND t.user_id = users.id
               AND t.revoked_at IS NULL) AS "session_live!: bool"
           FROM users WHERE id = ?"#,
        family,
        id
    )
    .fetch_optional(db.pool())
    .await?)
}

/// Of somebody's personal access token.
pub async fn access_by_token(
    db: &Db,
    id: UserId,
    token: TokenId,
    now: DateTime<Utc>,
) -> Result<Option<Access>, DbError> {
    Ok(sqlx::query_as!(
        Access,
        r#"SELECT role AS "role: Role", status AS "status: UserStatus",
             email_verified_at IS NOT NULL AS "email_verified!: bool",
             (EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = users.id AND f.enabled_at IS NOT NULL)
               OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = users.id)) AS "second_factor!: bool",
             EXISTS (SELECT 1 FROM personal_tokens t WHERE t.id = ? AND t.user_id = users.id
               AND t.revoked_at IS NULL AND t.expires_at > ?) AS "session_live!: bool"
           FROM users WHERE id = ?"#,
        token,
        now,
        id
    )
    .fetch_optional(db.pool())
    .await?)
}

/// Keeps the time of the first verification. `registrations::activate` is how people get here.
pub async fn set_email_verified(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE users SET email_verified_at = COALESCE(email_verified_at, ?), updated_at = ? WHERE id = ?",
        now,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Records which creator terms were accepted, and the role that follows from it.
pub async fn accept_creator_terms(
    tx: &mut Tx,
    id: UserId,
    role: Role,
    version: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE users SET role = ?, creator_terms_version = ?, creator_terms_at = ?, updated_at = ? WHERE id = ?",
        role,
        version,
        now,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Another address, whose mailbox has just proven to be this person's. One that somebody else has confirmed is `Conflict` on
/// `users_confirmed_email`.
pub async fn set_email(tx: &mut Tx, id: UserId, email: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET email = ?, email_verified_at = ?, updated_at = ? WHERE id = ?", email, now, now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn set_role(tx: &mut Tx, id: UserId, role: Role, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET role = ?, updated_at = ? WHERE id = ?", role, now, id).execute(&mut **tx).await?;
    Ok(())
}

/// Suspends an account, or with no reason lets it in again.
pub async fn set_suspended(tx: &mut Tx, id: UserId, reason: Option<&str>, now: DateTime<Utc>) -> Result<(), DbError> {
    let status = if reason.is_some() { UserStatus::Suspended } else { UserStatus::Active };
    sqlx::query!(
        "UPDATE users SET status = ?, suspension_reason = ?, updated_at = ? WHERE id = ?",
        status,
        reason,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Up to two active admins with a confirmed address, their rows locked in one order: of two admins who remove each other at once, one stays.
pub async fn lock_admins(tx: &mut Tx) -> Result<Vec<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: UserId" FROM users WHERE role = 'admin' AND status = 'active' AND email_verified_at IS NOT NULL
           ORDER BY id LIMIT 2 FOR UPDATE"#
    )
    .fetch_all(&mut **tx)
    .await?)
}

pub async fn set_language(tx: &mut Tx, id: UserId, language: Language, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET language = ?, updated_at = ? WHERE id = ?", language, now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn set_password_hash(tx: &mut Tx, id: UserId, hash: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?", hash, now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Somebody signs in. Whoever does is there, whatever was guessed.
pub async fn touch_login(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET last_login_at = ? WHERE id = ?", now, id).execute(&mut **tx).await?;
    data_requests::withdraw_for(tx, id, Cause::Inactivity, now).await?;
    Ok(())
}

/// Whether somebody has this username.
pub async fn username_taken(db: &Db, username: &str) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM users WHERE username = ?) AS "taken!: bool""#, username)
        .fetch_one(db.pool())
        .await?)
}

/// The names of these people, as far as there are any.
pub async fn names(db: &Db, ids: &[UserId]) -> Result<Vec<(UserId, String)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id, name FROM users WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}

/// Whom to write to about work that waits for a role.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub language: Language,
}

/// Active people with a verified address who moderate, by id; at most 200 behind `after`.
pub async fn moderators(db: &Db, after: UserId) -> Result<Vec<Contact>, DbError> {
    Ok(sqlx::query_as!(
        Contact,
        r#"SELECT id AS "id: UserId", email, name, language AS "language: Language" FROM users
           WHERE id > ? AND role IN ('moderator', 'admin') AND status = 'active' AND email_verified_at IS NOT NULL
           ORDER BY id LIMIT 200"#,
        after
    )
    .fetch_all(db.pool())
    .await?)
}
