//! The scheduler's memory: its table as it last wrote it, which tick of which entry became what, and who paused it.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

mod successes;
mod ticks;

use db::{Db, DbError, Tx, clock::now};
pub use successes::note_successes;
pub use ticks::{Tick, TickOutcome, prune_ticks, record, record_manual, set_job, ticks, ticks_before};

/// An entry as a scheduler defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    /// At most 64 ASCII characters.
    pub name: &'a str,
    /// Of the job it enqueues.
    pub kind: &'a str,
    /// Seconds, minutes, hours, day of month, month, day of week, and perhaps years.
    pub expression: &'a str,
    /// An IANA name.
    pub zone: &'a str,
    pub jitter_seconds: u32,
    /// `skip`, `once` or `all:N`.
    pub catch_up: &'a str,
    /// False when it is switched off by configuration.
    pub enabled: bool,
}

/// An entry as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub name: String,
    pub kind: String,
    pub expression: String,
    pub zone: String,
    /// A tick's job starts up to this much later than the tick, each by the same amount on every replica.
    pub jitter_seconds: u32,
    /// What happens with ticks that nobody was there for: `skip`, `once` or `all:N`.
    pub catch_up: String,
    /// False when it is switched off by configuration.
    pub enabled: bool,
    /// The newest tick that was decided about. Of a new entry, when it was first seen.
    pub last_due: DateTime<Utc>,
    /// The next five ticks after `last_due`, as the scheduler last wrote them: ticks in the past mean that no scheduler
    /// runs, or that the entry is switched off.
    pub upcoming: Vec<DateTime<Utc>>,
    /// When a scheduler that has this entry last looked, give or take 5 s; `None` for one of an older build.
    pub seen_at: Option<DateTime<Utc>>,
    /// When a job of it last completed, as a scheduler found a quarter of a minute later at most.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Since when a success is waited for, whatever was before: since the entry has these times, or since it was let go on
    /// after a pause.
    pub awaited_from: DateTime<Utc>,
    pub pause: Option<Pause>,
}

impl Schedule {
    /// As a scheduler would define it.
    pub fn definition(&self) -> Definition<'_> {
        Definition {
            name: &self.name,
            kind: &self.kind,
            expression: &self.expression,
            zone: &self.zone,
            jitter_seconds: self.jitter_seconds,
            catch_up: &self.catch_up,
            enabled: self.enabled,
        }
    }
}

/// While it lasts, ticks are recorded as `skipped`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub paused_at: DateTime<Utc>,
    /// Ends by itself; `None`: when somebody resumes.
    pub expires_at: Option<DateTime<Utc>>,
    pub reason: String,
    /// `None`: the command line.
    pub actor_id: Option<Uuid>,
}

impl Pause {
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

struct Row {
    name: String,
    kind: String,
    expression: String,
    zone: String,
    jitter_seconds: u32,
    catch_up: String,
    enabled: bool,
    last_due: DateTime<Utc>,
    upcoming: Option<Json<Vec<DateTime<Utc>>>>,
    seen_at: Option<DateTime<Utc>>,
    last_success_at: Option<DateTime<Utc>>,
    awaited_from: DateTime<Utc>,
    paused_at: Option<DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
    pause_reason: Option<String>,
    paused_by: Option<Uuid>,
    now: DateTime<Utc>,
}

impl From<Row> for (DateTime<Utc>, Schedule) {
    fn from(row: Row) -> Self {
        let pause = row.paused_at.map(|paused_at| Pause {
            paused_at,
            expires_at: row.paused_until,
            reason: row.pause_reason.unwrap_or_default(),
            actor_id: row.paused_by,
        });
        let schedule = Schedule {
            name: row.name,
            kind: row.kind,
            expression: row.expression,
            zone: row.zone,
            jitter_seconds: row.jitter_seconds,
            catch_up: row.catch_up,
            enabled: row.enabled,
            last_due: row.last_due,
            upcoming: row.upcoming.map(|json| json.0).unwrap_or_default(),
            seen_at: row.seen_at,
            last_success_at: row.last_success_at,
            awaited_from: row.awaited_from,
            pause,
        };
        (row.now, schedule)
    }
}

/// A pause that is over is none, whether or not a scheduler has tidied it up.
fn as_people_see_it(row: Row) -> Schedule {
    let (now, mut schedule) = row.into();
    schedule.pause = schedule.pause.filter(|pause| !pause.is_over(now));
    schedule
}

macro_rules! select {
    ($tail:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            Row,
            r#"SELECT name, kind, expression, zone, jitter_seconds, catch_up, enabled AS "enabled: bool",
                 last_due AS "last_due: DateTime<Utc>", upcoming AS "upcoming: Json<Vec<DateTime<Utc>>>",
                 seen_at AS "seen_at: DateTime<Utc>", last_success_at AS "last_success_at: DateTime<Utc>",
                 awaited_from AS "awaited_from: DateTime<Utc>", paused_at AS "paused_at: DateTime<Utc>",
                 paused_until AS "paused_until: DateTime<Utc>", pause_reason, paused_by AS "paused_by: Uuid",
                 UTC_TIMESTAMP(6) AS "now!: DateTime<Utc>"
               FROM cron_entries "#
                + $tail
            $(, $arg)*
        )
    };
}

/// Every entry that a scheduler has written down, by name.
pub async fn list(db: &Db) -> Result<Vec<Schedule>, DbError> {
    let rows = select!("WHERE expression <> '' ORDER BY name").fetch_all(db.pool()).await?;
    Ok(rows.into_iter().map(as_people_see_it).collect())
}

pub async fn get(db: &Db, name: &str) -> Result<Option<Schedule>, DbError> {
    let row = select!("WHERE name = ? AND expression <> ''", name).fetch_optional(db.pool()).await?;
    Ok(row.map(as_people_see_it))
}

/// The entry with its row locked: no tick of it is decided about until the transaction ends.
pub async fn lock(tx: &mut Tx, name: &str) -> Result<Option<Schedule>, DbError> {
    let row = select!("WHERE name = ? AND expression <> '' FOR UPDATE", name).fetch_optional(&mut **tx).await?;
    Ok(row.map(as_people_see_it))
}

/// From now until `expires_at` or [`resume`] the entry's ticks are skipped; a pause that is there is replaced. False
/// when there is no such entry. Jobs of earlier ticks are not touched.
pub async fn pause(
    tx: &mut Tx,
    name: &str,
    reason: &str,
    actor: Option<Uuid>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE cron_entries SET paused_at = UTC_TIMESTAMP(6), paused_until = ?, pause_reason = ?, paused_by = ?
         WHERE name = ? AND expression <> ''",
        expires_at,
        reason,
        actor,
        name
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a pause: the next tick fires, and one that came due within the last second of it may. False when there is no
/// such entry.
pub async fn resume(tx: &mut Tx, name: &str) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE cron_entries SET awaited_from = IF(paused_at IS NULL, awaited_from, UTC_TIMESTAMP(6)), paused_at = NULL,
                paused_until = NULL, pause_reason = NULL, paused_by = NULL
         WHERE name = ? AND expression <> ''",
        name
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Database time, and every entry there is, with pauses that are over.
pub async fn look(db: &Db) -> Result<(DateTime<Utc>, Vec<Schedule>), DbError> {
    let rows = select!("ORDER BY name").fetch_all(db.pool()).await?;
    let now = match rows.first() {
        Some(row) => row.now,
        None => now(db).await?,
    };
    Ok((now, rows.into_iter().map(|row| <(DateTime<Utc>, Schedule)>::from(row).1).collect()))
}

/// Writes an entry's definition. A new entry counts as having ticked `now`, and so does one whose times changed or that
/// was switched on: what the new times would have made of the past is not caught up with.
pub async fn define(
    db: &Db,
    definition: &Definition<'_>,
    upcoming: &[DateTime<Utc>],
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    // Assignments happen from left to right: the first two still see the old values.
    sqlx::query!(
        "INSERT INTO cron_entries (name, last_due, kind, expression, zone, jitter_seconds, catch_up, enabled, upcoming,
           seen_at, awaited_from)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
         ON DUPLICATE KEY UPDATE
           awaited_from = IF(expression = '' OR (expression = VALUES(expression) AND zone = VALUES(zone)
                               AND enabled = VALUES(enabled)), awaited_from, VALUES(awaited_from)),
           last_due = IF(expression = '' OR (expression = VALUES(expression) AND zone = VALUES(zone)
                           AND enabled = VALUES(enabled)), last_due, GREATEST(last_due, VALUES(last_due))),
           kind = VALUES(kind), expression = VALUES(expression), zone = VALUES(zone),
           jitter_seconds = VALUES(jitter_seconds), catch_up = VALUES(catch_up), enabled = VALUES(enabled),
           upcoming = VALUES(upcoming), seen_at = VALUES(seen_at)",
        definition.name,
        now,
        definition.kind,
        definition.expression,
        definition.zone,
        definition.jitter_seconds,
        definition.catch_up,
        definition.enabled,
        Json(upcoming)
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Says that a scheduler with this entry is there.
pub async fn seen(db: &Db, entry: &str) -> Result<(), DbError> {
    sqlx::query!("UPDATE cron_entries SET seen_at = UTC_TIMESTAMP(6) WHERE name = ?", entry).execute(db.pool()).await?;
    Ok(())
}

/// What a scheduler decided about an entry.
pub struct Step<'a> {
    /// As it was seen: when anything about it has changed since, the step is not taken.
    pub seen: &'a Schedule,
    pub last_due: DateTime<Utc>,
    pub upcoming: &'a [DateTime<Utc>],
    /// The pause is over.
    pub end_pause: bool,
}

/// Takes the step for this replica: true for exactly one of those who saw the same. What it enqueues and records goes
/// into the same transaction.
pub async fn advance(tx: &mut Tx, step: &Step<'_>) -> Result<bool, DbError> {
    let seen = step.seen;
    let moved = sqlx::query!(
        "UPDATE cron_entries
         SET last_due = ?, upcoming = ?, seen_at = UTC_TIMESTAMP(6), paused_until = IF(?, NULL, paused_until),
             pause_reason = IF(?, NULL, pause_reason), paused_by = IF(?, NULL, paused_by),
             paused_at = IF(?, NULL, paused_at), awaited_from = IF(?, UTC_TIMESTAMP(6), awaited_from)
         WHERE name = ? AND last_due = ? AND paused_at <=> ? AND expression = ? AND zone = ? AND enabled = ?",
        step.last_due,
        Json(step.upcoming),
        step.end_pause,
        step.end_pause,
        step.end_pause,
        step.end_pause,
        step.end_pause,
        seen.name,
        seen.last_due,
        seen.pause.as_ref().map(|pause| pause.paused_at),
        seen.expression,
        seen.zone,
        seen.enabled
    )
    .execute(&mut **tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Forgets entries that no scheduler has had since `before`, with their ticks; returns how many. At most 20.
pub async fn prune_entries(db: &Db, before: DateTime<Utc>) -> Result<usize, DbError> {
    let gone = sqlx::query_scalar!("SELECT name FROM cron_entries WHERE seen_at < ? LIMIT 20", before)
        .fetch_all(db.pool())
        .await?;
    for name in &gone {
        let mut tx = db.begin().await?;
        let done = sqlx::query!("DELETE FROM cron_entries WHERE name = ? AND seen_at < ?", name, before)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 1 {
            sqlx::query!("DELETE FROM cron_ticks WHERE entry = ?", name).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    Ok(gone.len())
}
