//! What people find wrong with messages, until a moderator has decided.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    chat::{ReportReason, ReportState},
    ids::{ChatId, ReportId, UserId},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub id: ReportId,
    pub session_id: ChatId,
    pub seq: u32,
    pub reporter_id: UserId,
    pub reason: ReportReason,
    pub note: String,
    pub state: ReportState,
    pub created_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Report,
            r#"SELECT id AS "id: ReportId", session_id AS "session_id: ChatId", seq,
                 reporter_id AS "reporter_id: UserId", reason AS "reason: ReportReason", note,
                 state AS "state: ReportState", created_at AS "created_at: DateTime<Utc>"
               FROM chat_reports WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// Keeps a report, and says whether it is a new one: a second one of the same person about the same message changes nothing.
pub async fn put(
    tx: &mut Tx,
    chat: ChatId,
    seq: u32,
    reporter: UserId,
    (reason, note): (ReportReason, &str),
    now: DateTime<Utc>,
) -> Result<(Report, bool), DbError> {
    let id = ReportId::new();
    sqlx::query!(
        "INSERT INTO chat_reports (id, session_id, seq, reporter_id, reason, note, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE created_at = created_at",
        id,
        chat,
        seq,
        reporter,
        reason,
        note,
        now
    )
    .execute(&mut **tx)
    .await?;
    let kept = select!("session_id = ? AND seq = ? AND reporter_id = ?", chat, seq, reporter);
    let report = kept.fetch_one(&mut **tx).await?;
    let is_new = report.id == id;
    Ok((report, is_new))
}

/// Those that wait, oldest first, and how many there are.
pub async fn pending(db: &Db, offset: u64, limit: u32) -> Result<(Vec<Report>, u64), DbError> {
    let total = sqlx::query_scalar!(r#"SELECT COUNT(*) AS "total!: i64" FROM chat_reports WHERE state = 'pending'"#)
        .fetch_one(db.pool())
        .await?;
    let found = select!("state = 'pending' ORDER BY id LIMIT ? OFFSET ?", limit, offset).fetch_all(db.pool()).await?;
    Ok((found, total.unsigned_abs()))
}

/// The report with its row locked.
pub async fn lock(tx: &mut Tx, id: ReportId) -> Result<Option<Report>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// Decides everything that waits about a message.
pub async fn decide(
    tx: &mut Tx,
    chat: ChatId,
    seq: u32,
    state: ReportState,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE chat_reports SET state = ?, decided_at = ? WHERE session_id = ? AND seq = ? AND state = 'pending'",
        state,
        now,
        chat,
        seq
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
