//! Notices: what is to be told of alerts, to one addressee each, until it was delivered.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

words::words! {
    /// The way that a notice takes.
    pub enum Channel ("channel of alerts") {
        Mail = "mail",
        Webhook = "webhook",
    }
}

words::words! {
    /// What happened to an alert.
    pub enum Happening ("what happened to an alert") {
        Firing = "firing",
        /// It goes on, or there is more of it.
        Reminder = "reminder",
        Over = "over",
        /// Nothing: somebody asked whether alerts arrive.
        Test = "test",
    }
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub happening: Happening,
    /// The alert's name.
    pub alert: String,
    pub condition: String,
    /// What it is about: a queue, a kind of job, a schedule; empty for the queue as a whole.
    pub subject: String,
    /// One sentence.
    pub summary: String,
    /// What would help.
    pub advice: String,
    /// How everything was then, in one sentence; empty where nobody could say, and in notices of older releases.
    #[serde(default)]
    pub health: String,
    /// When it began.
    pub since: DateTime<Utc>,
    /// When this was decided.
    pub at: DateTime<Utc>,
    /// The figures.
    pub details: Value,
}

/// A notice to be delivered as soon as possible.
#[derive(Clone, Debug)]
pub struct NewNotice<'a> {
    pub id: Uuid,
    pub channel: Channel,
    /// Of a mail.
    pub recipient: &'a str,
    pub events: &'a [Event],
}

pub async fn insert(tx: &mut Tx, notice: &NewNotice<'_>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO alert_notices (id, channel, recipient, events, due_at, created_at)
         VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        notice.id,
        notice.channel,
        notice.recipient,
        Json(notice.events)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A notice that this process delivers now.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    pub id: Uuid,
    pub recipient: String,
    pub events: Vec<Event>,
    /// This one included.
    pub attempts: u32,
    /// Seconds since it was written.
    pub age_seconds: u64,
}

/// The first notice of a channel that is due, for `seconds`: then it counts as lost with whoever had it, and others may
/// deliver it.
pub async fn claim(db: &Db, channel: Channel, seconds: u32) -> Result<Option<Claimed>, DbError> {
    let due = sqlx::query!(
        r#"SELECT id AS "id: Uuid", recipient, events AS "events: Json<Vec<Event>>", attempts,
                  TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP(6)) AS "age!: i64"
           FROM alert_notices WHERE state = 'waiting' AND channel = ? AND due_at <= UTC_TIMESTAMP(6)
           ORDER BY due_at, id LIMIT 1"#,
        channel
    )
    .fetch_optional(db.pool())
    .await?;
    let Some(due) = due else { return Ok(None) };
    let claimed = sqlx::query!(
        "UPDATE alert_notices SET attempts = attempts + 1, due_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND
         WHERE id = ? AND state = 'waiting' AND attempts = ?",
        seconds,
        due.id,
        due.attempts
    )
    .execute(db.pool())
    .await?;
    // Another process was faster.
    if claimed.rows_affected() == 0 {
        return Ok(None);
    }
    Ok(Some(Claimed {
        id: due.id,
        recipient: due.recipient,
        events: due.events.0,
        attempts: due.attempts + 1,
        age_seconds: due.age.unsigned_abs(),
    }))
}

/// It arrived.
pub async fn sent(db: &Db, id: Uuid) -> Result<(), DbError> {
    sqlx::query!("UPDATE alert_notices SET state = 'sent', error = NULL WHERE id = ?", id).execute(db.pool()).await?;
    Ok(())
}

/// It did not, and is tried again after `seconds`.
pub async fn put_off(db: &Db, id: Uuid, seconds: u64, error: &str) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE alert_notices SET due_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND, error = ? WHERE id = ? AND state = 'waiting'",
        seconds,
        short(error),
        id
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// It will not be tried again.
pub async fn given_up(db: &Db, id: Uuid, error: &str) -> Result<(), DbError> {
    sqlx::query!("UPDATE alert_notices SET state = 'given_up', error = ? WHERE id = ?", short(error), id)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// Notices of a channel that were not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub channel: Channel,
    pub notices: u64,
    /// Of one of them.
    pub error: Option<String>,
}

/// What waits, by channel. What is older than two days waits for a channel that nobody has any more.
pub async fn waiting(db: &Db) -> Result<Vec<Waiting>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT channel AS "channel: Channel", COUNT(*) AS "notices!: i64", MAX(error) AS "error: String"
           FROM alert_notices WHERE state = 'waiting' AND created_at > UTC_TIMESTAMP(6) - INTERVAL 2 DAY GROUP BY channel ORDER BY channel"#
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Waiting { channel: row.channel, notices: row.notices.unsigned_abs(), error: row.error })
        .collect())
}

fn short(error: &str) -> String {
    error.chars().take(500).collect()
}
