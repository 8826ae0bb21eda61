//! Accounts.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx, decode::word};
use domain::{
    ids::UserId,
    user::{Language, Role, UserStatus},
};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: UserId,
    /// Lower case.
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

struct Row {
    id: Uuid,
    email: String,
    username: String,
    password_hash: String,
    name: String,
    bio: String,
    role: String,
    status: String,
    language: String,
    email_verified_at: Option<DateTime<Utc>>,
    creator_terms_version: Option<String>,
    last_login_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for User {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id.into(),
            email: row.email,
            username: row.username,
            password_hash: row.password_hash,
            name: row.name,
            bio: row.bio,
            role: word(&row.role)?,
            status: word(&row.status)?,
            language: word(&row.language)?,
            email_verified_at: row.email_verified_at,
            creator_terms_version: row.creator_terms_version,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

macro_rules! select {
    ($tail:tt, $arg:expr) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id AS "id: Uuid", email, username, password_hash, name, bio, role, status, language,
                 email_verified_at AS "email_verified_at: DateTime<Utc>", creator_terms_version,
                 last_login_at AS "last_login_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>", updated_at AS "updated_at: DateTime<Utc>"
               FROM users WHERE "#
                + $tail,
            $arg
        )
    };
}

pub async fn get(db: &Db, id: UserId) -> Result<Option<User>, DbError> {
    select!("id = ?", id.0).fetch_optional(db.pool()).await?.map(User::try_from).transpose()
}

/// The account as this transaction sees it: a transaction that asked the pool could wait for itself.
pub async fn get_in(tx: &mut Tx, id: UserId) -> Result<Option<User>, DbError> {
    select!("id = ?", id.0).fetch_optional(&mut **tx).await?.map(User::try_from).transpose()
}

/// The account with its row locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: UserId) -> Result<Option<User>, DbError> {
    select!("id = ? FOR UPDATE", id.0).fetch_optional(&mut **tx).await?.map(User::try_from).transpose()
}

/// `email` in its stored form (`domain::user::Email`).
pub async fn find_by_email(db: &Db, email: &str) -> Result<Option<User>, DbError> {
    select!("email = ?", email).fetch_optional(db.pool()).await?.map(User::try_from).transpose()
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

/// A taken email or username is `Conflict` on `users_email` or `users_username`.
pub async fn insert(tx: &mut Tx, user: &NewUser<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO users (id, email, username, password_hash, name, role, language, email_verified_at,
           created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        user.id.0,
        user.email,
        user.username,
        user.password_hash,
        user.name,
        user.role.as_str(),
        user.language.as_str(),
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
    /// The session (refresh token family) was neither logged out nor revoked.
    pub session_live: bool,
}

/// One read by primary key and one by the family's key.
pub async fn access(db: &Db, id: UserId, family: Uuid) -> Result<Option<Access>, DbError> {
    let row = sqlx::query!(
        r#"SELECT role, status, email_verified_at IS NOT NULL AS "verified!: bool",
             EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family_id = ? AND t.user_id = users.id
               AND t.revoked_at IS NULL) AS "session_live!: bool"
           FROM users WHERE id = ?"#,
        family,
        id.0
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(|row| {
        Ok(Access {
            role: word(&row.role)?,
            status: word(&row.status)?,
            email_verified: row.verified,
            session_live: row.session_live,
        })
    })
    .transpose()
}

/// Keeps the time of the first verification.
pub async fn set_email_verified(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE users SET email_verified_at = COALESCE(email_verified_at, ?), updated_at = ? WHERE id = ?",
        now,
        now,
        id.0
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
        role.as_str(),
        version,
        now,
        now,
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn touch_login(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET last_login_at = ? WHERE id = ?", now, id.0).execute(&mut **tx).await?;
    Ok(())
}

/// Whether somebody has this username.
pub async fn username_taken(db: &Db, username: &str) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM users WHERE username = ?) AS "taken!: bool""#, username)
        .fetch_one(db.pool())
        .await?)
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
    let rows = sqlx::query!(
        r#"SELECT id AS "id: Uuid", email, name, language FROM users
           WHERE id > ? AND role IN ('moderator', 'admin') AND status = 'active' AND email_verified_at IS NOT NULL
           ORDER BY id LIMIT 200"#,
        after.0
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let language = word(&row.language)?;
            Ok(Contact { id: row.id.into(), email: row.email, name: row.name, language })
        })
        .collect()
}
