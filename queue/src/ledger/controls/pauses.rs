//! Queues and kinds of which nothing starts, until somebody resumes them or their time is over.

use std::time::Duration;

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use uuid::Uuid;

use crate::ledger::controls;

words::words! {
    /// What a pause stops.
    pub enum Scope ("scope of a pause") {
        Queue = "queue",
        /// One kind of job, in whatever queue.
        Kind = "kind",
        /// Everything; its name is [`EVERYTHING`].
        All = "all",
    }
}

/// The name of the pause of [`Scope::All`].
pub const EVERYTHING: &str = "all";

/// How the reason of a pause begins that the queue made by itself.
const FOR_SERVICE: &str = "its runs wait for a service: ";
/// How the reason of the pause of everything begins that is part of the read-only maintenance mode, and ends with it.
pub const MAINTENANCE: &str = "maintenance: ";

/// A pause that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub scope: Scope,
    pub name: String,
    pub reason: String,
    /// Who paused it; nobody for the system and for the command line.
    pub actor: Option<Uuid>,
    pub paused_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Pause {
    /// Made by the queue itself, because a service is away.
    pub fn is_for_service(&self) -> bool {
        self.actor.is_none() && self.reason.starts_with(FOR_SERVICE)
    }

    /// Part of the maintenance mode.
    pub fn is_of_maintenance(&self) -> bool {
        self.scope == Scope::All && self.reason.starts_with(MAINTENANCE)
    }
}

macro_rules! select {
    ($tail:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            Pause,
            r#"SELECT scope AS "scope: Scope", name, reason, actor_id AS "actor: Uuid",
                      paused_at AS "paused_at: DateTime<Utc>", expires_at AS "expires_at: DateTime<Utc>"
               FROM queue_pauses WHERE (expires_at IS NULL OR expires_at > UTC_TIMESTAMP(6)) "#
                + $tail
            $(, $arg)*
        )
    };
}

/// All pauses, by scope and name.
pub async fn list(db: &Db) -> Result<Vec<Pause>, DbError> {
    Ok(select!("ORDER BY scope, name").fetch_all(db.pool()).await?)
}

/// The pause that lasts under this name, locked until the transaction ends.
pub async fn current(tx: &mut Tx, scope: Scope, name: &str) -> Result<Option<Pause>, DbError> {
    // The number's lock comes first, as in every change.
    controls::raise_epoch(tx).await?;
    Ok(select!("AND scope = ? AND name = ? FOR UPDATE", scope, name).fetch_optional(&mut **tx).await?)
}

/// Pauses a queue or a kind, or gives a pause another reason and end. What runs goes on; from the commit on nothing
/// else starts. False when it was paused already.
pub async fn pause(
    tx: &mut Tx,
    scope: Scope,
    name: &str,
    reason: &str,
    actor: Option<Uuid>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<bool, DbError> {
    controls::raise_epoch(tx).await?;
    let written = sqlx::query!(
        "INSERT INTO queue_pauses (scope, name, reason, actor_id, paused_at, expires_at)
         VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6), ?)
         ON DUPLICATE KEY UPDATE reason = VALUES(reason), actor_id = VALUES(actor_id), expires_at = VALUES(expires_at)",
        scope,
        name,
        reason,
        actor,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Pauses a kind whose runs wait for a service that is away, unless it is paused already, or another worker's runs of it go
/// through. False when it was left alone.
pub async fn pause_for_service(db: &Db, kind: &str, message: &str, time: Duration) -> Result<bool, DbError> {
    let goes_through = sqlx::query_scalar!(
        r#"SELECT COALESCE(SUM(runs), 0) > 0 AS "any!: bool" FROM job_stats
           WHERE kind = ? AND outcome = 'completed' AND minute > UTC_TIMESTAMP(6) - INTERVAL 2 MINUTE"#,
        kind
    )
    .fetch_one(db.pool())
    .await?;
    if goes_through {
        return Ok(false);
    }
    let reason: String = format!("{FOR_SERVICE}{message}").chars().take(500).collect();
    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let mut tx = db.begin().await?;
    controls::raise_epoch(&mut tx).await?;
    // One that a person made stays as it is; one whose time is over is on its way out.
    let written = sqlx::query!(
        "INSERT INTO queue_pauses (scope, name, reason, actor_id, paused_at, expires_at)
         VALUES ('kind', ?, ?, NULL, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)
         ON DUPLICATE KEY UPDATE reason = reason",
        kind,
        reason,
        micros
    )
    .execute(&mut *tx)
    .await?;
    let paused = sqlx::query_scalar!(
        r#"SELECT reason = ? AND actor_id IS NULL AS "ours!: bool" FROM queue_pauses WHERE scope = 'kind' AND name = ?"#,
        reason,
        kind
    )
    .fetch_one(&mut *tx)
    .await?;
    if written.rows_affected() == 0 || !paused {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

/// Ends a pause; false when there was none.
pub async fn resume(tx: &mut Tx, scope: Scope, name: &str) -> Result<bool, DbError> {
    controls::raise_epoch(tx).await?;
    let removed =
        sqlx::query!("DELETE FROM queue_pauses WHERE scope = ? AND name = ?", scope, name).execute(&mut **tx).await?;
    Ok(removed.rows_affected() == 1)
}

/// Ends the pauses whose time is over; returns how many.
pub async fn expire(db: &Db) -> Result<u64, DbError> {
    let over: Vec<String> =
        sqlx::query_scalar!("SELECT name FROM queue_pauses WHERE expires_at <= UTC_TIMESTAMP(6) LIMIT 1")
            .fetch_all(db.pool())
            .await?;
    if over.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    controls::raise_epoch(&mut tx).await?;
    let removed =
        sqlx::query!("DELETE FROM queue_pauses WHERE expires_at <= UTC_TIMESTAMP(6)").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(removed.rows_affected())
}
