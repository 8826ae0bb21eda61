//! What people say of themselves, and what of it waits to become public.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{CategoryId, UserId};
use serde_json::Value;

/// What everybody reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub name: String,
    pub bio: String,
    pub company: String,
    pub job_title: String,
}

/// Words that wait.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileEdit {
    pub words: Words,
    /// Why they do not become public; absent until the scan has run.
    pub findings: Option<Value>,
    pub created_at: DateTime<Utc>,
}

/// What is public; `None` without such an account.
pub async fn words(db: &Db, user: UserId) -> Result<Option<Words>, DbError> {
    Ok(sqlx::query_as!(
        Words,
        r#"SELECT u.name, u.bio, COALESCE(p.company, '') AS "company!: String", COALESCE(p.job_title, '') AS "job_title!: String"
           FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE u.id = ?"#,
        user
    )
    .fetch_optional(db.pool())
    .await?)
}

/// The same in a transaction that has locked the account.
pub async fn words_in(tx: &mut Tx, user: UserId) -> Result<Option<Words>, DbError> {
    Ok(sqlx::query_as!(
        Words,
        r#"SELECT u.name, u.bio, COALESCE(p.company, '') AS "company!: String", COALESCE(p.job_title, '') AS "job_title!: String"
           FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE u.id = ?"#,
        user
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Makes words public.
pub async fn set_words(tx: &mut Tx, user: UserId, words: &Words, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET name = ?, bio = ?, updated_at = ? WHERE id = ?", words.name, words.bio, now, user)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "INSERT INTO profiles (user_id, company, job_title, updated_at) VALUES (?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE company = VALUES(company), job_title = VALUES(job_title), updated_at = VALUES(updated_at)",
        user,
        words.company,
        words.job_title,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How often its owner has edited it.
pub async fn revision(db: &Db, user: UserId) -> Result<u32, DbError> {
    let row =
        sqlx::query_scalar!("SELECT revision FROM profiles WHERE user_id = ?", user).fetch_optional(db.pool()).await?;
    Ok(row.unwrap_or_default())
}

/// The same in a transaction that has locked the account, and once more.
pub async fn next_revision(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<u32, DbError> {
    let before =
        sqlx::query_scalar!("SELECT revision FROM profiles WHERE user_id = ?", user).fetch_optional(&mut **tx).await?;
    sqlx::query!(
        "INSERT INTO profiles (user_id, revision, updated_at) VALUES (?, 1, ?)
         ON DUPLICATE KEY UPDATE revision = revision + 1, updated_at = VALUES(updated_at)",
        user,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(before.unwrap_or_default())
}

/// The sealed telephone number.
pub async fn phone(db: &Db, user: UserId) -> Result<Option<Vec<u8>>, DbError> {
    let row =
        sqlx::query_scalar!("SELECT phone FROM profiles WHERE user_id = ?", user).fetch_optional(db.pool()).await?;
    Ok(row.flatten())
}

/// Keeps a sealed telephone number, or none.
pub async fn set_phone(tx: &mut Tx, user: UserId, sealed: Option<&[u8]>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO profiles (user_id, phone, updated_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE phone = VALUES(phone), updated_at = VALUES(updated_at)",
        user,
        sealed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The slugs of the categories somebody is interested in.
pub async fn interests(db: &Db, user: UserId) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "SELECT c.slug FROM profile_interests i JOIN categories c ON c.id = i.category_id
         WHERE i.user_id = ? ORDER BY c.slug",
        user
    )
    .fetch_all(db.pool())
    .await?)
}

pub async fn set_interests(tx: &mut Tx, user: UserId, categories: &[CategoryId]) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM profile_interests WHERE user_id = ?", user).execute(&mut **tx).await?;
    for category in categories {
        sqlx::query!("INSERT INTO profile_interests (user_id, category_id) VALUES (?, ?)", user, category)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// An edit as it is stored, flat.
struct Row {
    name: String,
    bio: String,
    company: String,
    job_title: String,
    findings: Option<Value>,
    created_at: DateTime<Utc>,
}

impl From<Row> for ProfileEdit {
    fn from(row: Row) -> Self {
        let words = Words { name: row.name, bio: row.bio, company: row.company, job_title: row.job_title };
        Self { words, findings: row.findings, created_at: row.created_at }
    }
}

macro_rules! select_edit {
    ($tail:tt, $user:expr) => {
        sqlx::query_as!(
            Row,
            r#"SELECT name, bio, company, job_title, findings AS "findings: Value",
                 created_at AS "created_at: DateTime<Utc>"
               FROM profile_edits WHERE user_id = ?"#
                + $tail,
            $user
        )
    };
}

/// What waits.
pub async fn edit(db: &Db, user: UserId) -> Result<Option<ProfileEdit>, DbError> {
    Ok(select_edit!("", user).fetch_optional(db.pool()).await?.map(ProfileEdit::from))
}

/// The same in a transaction that has locked the account.
pub async fn edit_in(tx: &mut Tx, user: UserId) -> Result<Option<ProfileEdit>, DbError> {
    Ok(select_edit!(" FOR UPDATE", user).fetch_optional(&mut **tx).await?.map(ProfileEdit::from))
}

/// Puts an edit in the place of an earlier one.
pub async fn put_edit(tx: &mut Tx, user: UserId, words: &Words, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO profile_edits (user_id, name, bio, company, job_title, created_at) VALUES (?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE name = VALUES(name), bio = VALUES(bio), company = VALUES(company),
           job_title = VALUES(job_title), findings = NULL, created_at = VALUES(created_at)",
        user,
        words.name,
        words.bio,
        words.company,
        words.job_title,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Remembers why it does not become public.
pub async fn hold_edit(tx: &mut Tx, user: UserId, findings: &Value) -> Result<(), DbError> {
    sqlx::query!("UPDATE profile_edits SET findings = ? WHERE user_id = ?", findings, user).execute(&mut **tx).await?;
    Ok(())
}

/// It is public, or given up.
pub async fn remove_edit(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM profile_edits WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}
