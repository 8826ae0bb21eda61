//! Versions, and words of ratings, that wait for a person's judgement.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{CaseId, NanoId, RatingId, UserId, VersionId},
    rating::Part,
    review::{CaseState, Cause, Decision},
};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub id: CaseId,
    pub nano_id: NanoId,
    /// The version, or the rating whose words are judged; the cause says which. Releases from before ratings read it, too.
    about: Uuid,
    pub cause: Cause,
    pub state: CaseState,
    pub decision: Option<Decision>,
    pub reason: Option<String>,
    pub reviewer_id: Option<UserId>,
    pub decided_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Case {
    /// Which words of which rating it is about, if it is about a rating.
    pub fn words(&self) -> Option<(RatingId, Part)> {
        Some((RatingId(self.about), self.cause.part()?))
    }

    /// Which version it is about, unless it is about a rating.
    pub fn version(&self) -> Option<VersionId> {
        self.words().is_none().then_some(VersionId(self.about))
    }
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Case,
            r#"SELECT id AS "id: CaseId", nano_id AS "nano_id: NanoId", version_id AS "about: Uuid", cause AS "cause: Cause",
                 state AS "state: CaseState", decision AS "decision: Decision", reason, reviewer_id AS "reviewer_id: UserId", decided_at AS "decided_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>"
               FROM moderation_cases WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// Opens a case for a version, or returns the one it has for this cause. One that was closed waits again.
pub async fn open(
    tx: &mut Tx,
    nano: NanoId,
    version: VersionId,
    cause: Cause,
    now: DateTime<Utc>,
) -> Result<CaseId, DbError> {
    open_about(tx, nano, version.0, cause, now).await
}

/// The same for words of a rating.
pub async fn open_about_words(
    tx: &mut Tx,
    (nano, rating): (NanoId, RatingId),
    part: Part,
    now: DateTime<Utc>,
) -> Result<CaseId, DbError> {
    open_about(tx, nano, rating.0, part.into(), now).await
}

async fn open_about(
    tx: &mut Tx,
    nano: NanoId,
    about: Uuid,
    cause: Cause,
    now: DateTime<Utc>,
) -> Result<CaseId, DbError> {
    let id = CaseId::new();
    sqlx::query!(
        "INSERT INTO moderation_cases (id, nano_id, version_id, cause, created_at) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE
           created_at = IF(state IN ('pending', 'investigating'), created_at, VALUES(created_at)),
           reviewer_id = IF(state = 'investigating', reviewer_id, NULL),
           decision = NULL, reason = NULL, decided_at = NULL,
           state = IF(state = 'investigating', state, 'pending')",
        id,
        nano,
        about,
        cause,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: CaseId" FROM moderation_cases WHERE version_id = ? AND cause = ?"#,
        about,
        cause
    )
    .fetch_one(&mut **tx)
    .await?)
}

pub async fn get(db: &Db, id: CaseId) -> Result<Option<Case>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// The case with its row locked. Lock its nano first.
pub async fn lock(tx: &mut Tx, id: CaseId) -> Result<Option<Case>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// Open cases, oldest first, and how many there are.
pub async fn queue(db: &Db, offset: u64, limit: u32) -> Result<(Vec<Case>, u64), DbError> {
    let total = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "total!: i64" FROM moderation_cases WHERE state IN ('pending', 'investigating')"#
    )
    .fetch_one(db.pool())
    .await?;
    let cases =
        select!("state IN ('pending', 'investigating') ORDER BY created_at, id LIMIT ? OFFSET ?", limit, offset)
            .fetch_all(db.pool())
            .await?;
    Ok((cases, total.unsigned_abs()))
}

/// Closes a case with a decision.
pub async fn decide(
    tx: &mut Tx,
    id: CaseId,
    decision: Decision,
    reason: &str,
    reviewer: UserId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE moderation_cases SET state = 'resolved', decision = ?, reason = ?, reviewer_id = ?, decided_at = ?
         WHERE id = ?",
        decision,
        reason,
        reviewer,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Closes what is open about a version that its creator took back.
pub async fn dismiss(tx: &mut Tx, version: VersionId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE moderation_cases SET state = 'dismissed', decision = 'no_action', decided_at = ?
         WHERE version_id = ? AND state IN ('pending', 'investigating')",
        now,
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Closes what is open about words of a rating that nobody waits for any more; without a part, about all of them.
pub async fn dismiss_words(
    tx: &mut Tx,
    rating: RatingId,
    part: Option<Part>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let cause = part.map(Cause::from);
    sqlx::query!(
        "UPDATE moderation_cases SET state = 'dismissed', decision = 'no_action', decided_at = ?
         WHERE version_id = ? AND (? IS NULL OR cause = ?) AND state IN ('pending', 'investigating')",
        now,
        rating,
        cause,
        cause
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many cases have waited since before `before` and nobody works on, and since when the oldest does.
pub async fn waiting(db: &Db, before: DateTime<Utc>) -> Result<Option<(u64, DateTime<Utc>)>, DbError> {
    let row = sqlx::query!(
        r#"SELECT COUNT(*) AS "cases!: i64", MIN(created_at) AS "oldest: DateTime<Utc>"
           FROM moderation_cases WHERE state = 'pending' AND created_at < ?"#,
        before
    )
    .fetch_one(db.pool())
    .await?;
    Ok(row.oldest.map(|oldest| (row.cases.unsigned_abs(), oldest)))
}
