//! The limits of a kind in the whole fleet: jobs running at a time, running at a time for each tenant, and starts in a
//! span of time. A kind may name another key than the tenant that it counts by; wherever this folder says tenant, it is that.
//!
//! What runs of a kind is a number in the limit's row, with one for each tenant beside it where tenants are limited. A claim
//! adds what it took in its own transaction, and takes nothing when that is too much, so that no two claims both take the
//! last place; the end of a run subtracts. The rescuer counts what really runs every second, so that the numbers are right
//! again after a process died between two of them, or a limit came while jobs ran. A job that finds no place is `blocked`;
//! the end of a run of its kind lets the next one go, and the rescuer those whose turn was missed. A rate is GCRA (the "virtual scheduling" of ITU-T I.371): a job that
//! comes too early is given its own later start once, and does not ask again. Starts are given away for the next two
//! seconds only; a job that would start later is blocked too, and the rescuer releases as many as the rate has starts
//! for.

mod counts;
mod release;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx};
use uuid::Uuid;

use crate::{ids::JobId, ledger::controls};

pub(crate) use counts::{COUNTED_BY, count_in, count_one_out, count_out, counting, running_of, take_back};
pub use counts::{recount, running_beside};
pub use release::{release_next, settle};

/// How far ahead a rate gives starts away. What would come later is blocked, so that priorities and the turns of tenants
/// still decide about it.
pub(crate) const RATE_HORIZON: TimeDelta = TimeDelta::seconds(2);
/// The limits of one kind; what is `None` is not limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub kind: String,
    pub max_running: Option<u32>,
    pub max_running_per_tenant: Option<u32>,
    /// Starts per `rate_seconds`.
    pub rate: Option<u32>,
    pub rate_seconds: Option<u32>,
    /// Starts that may come at once; 1 when not given.
    pub burst: Option<u32>,
    pub reason: String,
    pub actor: Option<Uuid>,
    pub changed_at: DateTime<Utc>,
    /// What runs just now, as far as it is counted.
    pub running: u32,
}

impl Limit {
    /// Limits nothing yet.
    pub fn of(kind: &str, reason: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            max_running: None,
            max_running_per_tenant: None,
            rate: None,
            rate_seconds: None,
            burst: None,
            reason: reason.to_owned(),
            actor: None,
            changed_at: DateTime::UNIX_EPOCH,
            running: 0,
        }
    }

    /// The mean time between two starts, in microseconds.
    pub(crate) fn interval_micros(&self) -> Option<i64> {
        let (rate, seconds) = (self.rate.filter(|rate| *rate > 0)?, self.rate_seconds.unwrap_or(1));
        Some(i64::from(seconds) * 1_000_000 / i64::from(rate))
    }

    /// How far ahead of its time a start may come.
    pub(crate) fn tolerance_micros(&self, interval: i64) -> i64 {
        interval.saturating_mul(i64::from(self.burst.unwrap_or(1).max(1) - 1))
    }

    pub(crate) const fn bounds_running(&self) -> bool {
        self.max_running.is_some() || self.max_running_per_tenant.is_some()
    }
}

macro_rules! select {
    ($tail:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            Limit,
            r#"SELECT kind, max_running, max_running_per_tenant, rate, rate_seconds, burst, reason,
                      actor_id AS "actor: Uuid", changed_at AS "changed_at: DateTime<Utc>", running
               FROM job_limits "#
                + $tail
            $(, $arg)*
        )
    };
}

/// All limits, by kind.
pub async fn list(db: &Db) -> Result<Vec<Limit>, DbError> {
    Ok(select!("ORDER BY kind").fetch_all(db.pool()).await?)
}

/// The limits of a kind, locked until the transaction ends.
pub async fn get(tx: &mut Tx, kind: &str) -> Result<Option<Limit>, DbError> {
    Ok(select!("WHERE kind = ? FOR UPDATE", kind).fetch_optional(&mut **tx).await?)
}

/// The limits of a kind, before they are changed: nobody else sets or lifts limits until the transaction ends, also where
/// there are none to lock yet.
pub async fn current(tx: &mut Tx, kind: &str) -> Result<Option<Limit>, DbError> {
    controls::raise_epoch(tx).await?;
    get(tx, kind).await
}

/// Whether a rate has given the job a start of its own.
pub async fn is_put_off(db: &Db, job: JobId) -> Result<bool, DbError> {
    let slot =
        sqlx::query_scalar!("SELECT kind FROM rate_slots WHERE job_id = ?", job).fetch_optional(db.pool()).await?;
    Ok(slot.is_some())
}

/// Sets the limits of a kind (`changed_at` is the database's). Starts that the old rate had put off are judged anew.
pub async fn set(tx: &mut Tx, limit: &Limit) -> Result<(), DbError> {
    controls::raise_epoch(tx).await?;
    sqlx::query!("INSERT INTO job_limits (kind, max_running, max_running_per_tenant, rate, rate_seconds, burst, reason, actor_id,
           changed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))
         ON DUPLICATE KEY UPDATE max_running = VALUES(max_running),
           max_running_per_tenant = VALUES(max_running_per_tenant), rate = VALUES(rate),
           rate_seconds = VALUES(rate_seconds), burst = VALUES(burst), tat = NULL, reason = VALUES(reason),
           actor_id = VALUES(actor_id), changed_at = VALUES(changed_at)", limit.kind, limit.max_running, limit.max_running_per_tenant, limit.rate, limit.rate_seconds, limit.burst, limit.reason, limit.actor)
    .execute(&mut **tx)
    .await?;
    let queues = crate::ledger::list::queues(tx).await?;
    counts::count(tx, limit, &queues).await
}

/// Lifts the limits of a kind; false when there were none.
pub async fn remove(tx: &mut Tx, kind: &str) -> Result<bool, DbError> {
    controls::raise_epoch(tx).await?;
    let removed = sqlx::query!("DELETE FROM job_limits WHERE kind = ?", kind).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM limit_tenants WHERE kind = ?", kind).execute(&mut **tx).await?;
    Ok(removed.rows_affected() == 1)
}
