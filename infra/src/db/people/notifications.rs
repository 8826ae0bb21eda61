//! What people are told of in the app.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Hash, Tx};
use domain::{
    ids::{NanoId, NotificationId, RatingId, SavedSearchId, UserId},
    notification::Kind,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// More than so many are not counted.
const UNREAD_CAP: u64 = 1_000;

/// Something that somebody is told of.
#[derive(Clone, Debug)]
pub struct NewNotification<'a> {
    pub user_id: UserId,
    pub kind: Kind,
    /// What gives the cause: of the same kind and subject nobody is told twice.
    pub subject: &'a str,
    pub nano_id: Option<NanoId>,
    pub rating_id: Option<RatingId>,
    /// A saved search, and how many nanos it has found.
    pub found: Option<(SavedSearchId, u32)>,
    /// At most 1,000 characters.
    pub reason: Option<&'a str>,
}

/// Writes it down, unless they were told of it already.
pub async fn insert(tx: &mut Tx, new: &NewNotification<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    let subject = Hash(Sha256::digest(format!("{} {}", new.kind, new.subject)).into());
    // Of several at once each waits for the first one's row. A plain INSERT would share a lock with the next, and deadlock.
    sqlx::query!(
        "INSERT INTO notifications (id, user_id, kind, subject, nano_id, rating_id, saved_search_id, found, reason, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE id = id",
        NotificationId::new(),
        new.user_id,
        new.kind,
        subject,
        new.nano_id,
        new.rating_id,
        new.found.map(|(search, _)| search),
        new.found.map(|(_, nanos)| nanos),
        new.reason,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One of them, with what its subject is called by now.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: Kind,
    pub nano_id: Option<NanoId>,
    /// None when whoever is told may not see the nano any more.
    pub nano_title: Option<String>,
    pub rating_id: Option<RatingId>,
    pub saved_search_id: Option<SavedSearchId>,
    /// None when the search is deleted.
    pub saved_search_name: Option<String>,
    pub found: Option<u32>,
    pub reason: Option<String>,
    pub read_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Notification,
            r#"SELECT x.id AS "id: NotificationId", x.kind AS "kind: Kind", x.nano_id AS "nano_id: NanoId",
                 IF(n.status = 'published' OR n.creator_id = x.user_id, n.title, NULL) AS "nano_title?: String",
                 x.rating_id AS "rating_id: RatingId", x.saved_search_id AS "saved_search_id: SavedSearchId",
                 s.name AS "saved_search_name?: String", x.found, x.reason,
                 x.read_at AS "read_at: DateTime<Utc>", x.created_at AS "created_at: DateTime<Utc>"
               FROM notifications x LEFT JOIN nanos n ON n.id = x.nano_id
               LEFT JOIN saved_searches s ON s.id = x.saved_search_id WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// At most `limit` of this person's, the newest first; behind `after`, where one is given, and only unread ones if asked for.
pub async fn page(
    db: &Db,
    user: UserId,
    after: Option<NotificationId>,
    unread: bool,
    limit: u32,
) -> Result<Vec<Notification>, DbError> {
    let after = after.unwrap_or(NotificationId(Uuid::max()));
    if unread {
        let page =
            select!("x.user_id = ? AND x.read_at IS NULL AND x.id < ? ORDER BY x.id DESC LIMIT ?", user, after, limit);
        return Ok(page.fetch_all(db.pool()).await?);
    }
    let page = select!("x.user_id = ? AND x.id < ? ORDER BY x.id DESC LIMIT ?", user, after, limit);
    Ok(page.fetch_all(db.pool()).await?)
}

/// How many of this person's are unread, at most `UNREAD_CAP`.
pub async fn unread(db: &Db, user: UserId) -> Result<u64, DbError> {
    let unread = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "unread!: i64" FROM
             (SELECT 1 FROM notifications WHERE user_id = ? AND read_at IS NULL LIMIT ?) capped"#,
        user,
        UNREAD_CAP
    )
    .fetch_one(db.pool())
    .await?;
    Ok(unread.unsigned_abs())
}

/// One of this person's is read; false when it is none of theirs.
pub async fn read(tx: &mut Tx, user: UserId, id: NotificationId, now: DateTime<Utc>) -> Result<bool, DbError> {
    let found = sqlx::query!(
        "UPDATE notifications SET read_at = COALESCE(read_at, ?) WHERE id = ? AND user_id = ?",
        now,
        id,
        user
    )
    .execute(&mut **tx)
    .await?;
    Ok(found.rows_affected() == 1)
}

/// So are all of this person's up to this one.
pub async fn read_up_to(tx: &mut Tx, user: UserId, id: NotificationId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE notifications SET read_at = ? WHERE user_id = ? AND read_at IS NULL AND id <= ?",
        now,
        user,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets what a person was told of.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM notifications WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}
