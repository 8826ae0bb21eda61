//! The ticks of schedules: fired, missed, skipped, or asked for by hand.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use uuid::Uuid;

use crate::{ids::JobId, ledger::State};

words::words! {
    /// What became of a tick.
    pub enum TickOutcome ("tick outcome") {
        /// A job was enqueued.
        Fired = "fired",
        /// No scheduler was there in time; a later tick stands for it.
        Missed = "missed",
        /// The entry was paused.
        Skipped = "skipped",
        /// Somebody asked for a run beside the table; `due` is when.
        Manual = "manual",
    } or Unknown = "unknown"
}

/// One tick, with what became of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    pub entry: String,
    pub due: DateTime<Utc>,
    pub outcome: TickOutcome,
    /// When it was decided about; `decided_at - due` is its lateness.
    pub decided_at: DateTime<Utc>,
    /// Of fired and manual ones. Ticks that came while the job of an earlier one was still waiting share its job.
    pub job_id: Option<JobId>,
    /// `None` without a job, and when the job was deleted from the ledger since.
    pub job_state: Option<State>,
    /// Host and process of the scheduler; `None` for manual ones.
    pub fired_by: Option<String>,
    /// Who asked for a manual one; `None`: the command line.
    pub actor_id: Option<Uuid>,
    /// Of a manual one.
    pub reason: Option<String>,
}

macro_rules! select {
    ($tail:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            Tick,
            r#"SELECT t.entry, t.due AS "due: DateTime<Utc>", t.outcome AS "outcome: TickOutcome",
                      t.created_at AS "decided_at: DateTime<Utc>", t.job_id AS "job_id: JobId",
                      j.state AS "job_state?: State", t.fired_by, t.actor_id AS "actor_id: Uuid", t.reason
               FROM cron_ticks t LEFT JOIN jobs j ON j.id = t.job_id "#
                + $tail
            $(, $arg)*
        )
    };
}

/// The newest ticks of an entry, newest first.
pub async fn ticks(db: &Db, entry: &str, limit: u32) -> Result<Vec<Tick>, DbError> {
    Ok(select!("WHERE t.entry = ? ORDER BY t.due DESC LIMIT ?", entry, limit).fetch_all(db.pool()).await?)
}

/// Those that were due before a time.
pub async fn ticks_before(db: &Db, entry: &str, before: DateTime<Utc>, limit: u32) -> Result<Vec<Tick>, DbError> {
    let tail = select!("WHERE t.entry = ? AND t.due < ? ORDER BY t.due DESC LIMIT ?", entry, before, limit);
    Ok(tail.fetch_all(db.pool()).await?)
}

/// Remembers a run that somebody asked for.
pub async fn record_manual(
    tx: &mut Tx,
    entry: &str,
    job: JobId,
    actor: Option<Uuid>,
    reason: &str,
) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT IGNORE INTO cron_ticks (entry, due, job_id, outcome, actor_id, reason, created_at)
         VALUES (?, UTC_TIMESTAMP(6), ?, 'manual', ?, ?, UTC_TIMESTAMP(6))",
        entry,
        job,
        actor,
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Remembers a tick, decided about at `now`. False when it was decided about before.
pub async fn record(
    tx: &mut Tx,
    entry: &str,
    due: DateTime<Utc>,
    outcome: TickOutcome,
    fired_by: &str,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let taken = sqlx::query!(
        "INSERT IGNORE INTO cron_ticks (entry, due, outcome, fired_by, created_at) VALUES (?, ?, ?, ?, ?)",
        entry,
        due,
        outcome,
        fired_by,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Names the job of a tick that [`record`] has just taken.
pub async fn set_job(tx: &mut Tx, entry: &str, due: DateTime<Utc>, job: JobId) -> Result<(), DbError> {
    sqlx::query!("UPDATE cron_ticks SET job_id = ? WHERE entry = ? AND due = ?", job, entry, due)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes ticks that were due before `before`, at most 500, and returns how many. The newest 20 of each entry stay.
pub async fn prune_ticks(db: &Db, entry: &str, before: DateTime<Utc>) -> Result<u64, DbError> {
    let kept = sqlx::query_scalar!(
        r#"SELECT due AS "due: DateTime<Utc>" FROM cron_ticks WHERE entry = ? ORDER BY due DESC LIMIT 1 OFFSET 19"#,
        entry
    )
    .fetch_optional(db.pool())
    .await?;
    let Some(kept) = kept else { return Ok(0) };
    let done = sqlx::query!("DELETE FROM cron_ticks WHERE entry = ? AND due < ? LIMIT 500", entry, before.min(kept))
        .execute(db.pool())
        .await?;
    Ok(done.rows_affected())
}
