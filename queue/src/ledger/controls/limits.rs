//! The limits of a kind in the whole fleet: jobs running at a time, running at a time for each tenant, and starts in a
//! span of time.
//!
//! Running jobs are counted under the limit's row lock, so that no two claims both take the last place. A job that
//! finds no place is `blocked`; the end of a run of its kind releases the next one, and the rescuer releases those
//! whose turn was missed because a process died. A rate is GCRA (the "virtual scheduling" of ITU-T I.371): a job that
//! comes too early is given its own later start once, and does not ask again. Starts are given away for the next two
//! seconds only; a job that would start later is blocked too, and the rescuer releases as many as the rate has starts
//! for.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    Queue,
    ids::JobId,
    ledger::{controls, push_ids, sorted},
    ready::{Available, Ticket},
};

/// Jobs let go in one transaction.
const STEP: u32 = 500;
/// How far ahead a rate gives starts away. What would come later is blocked, so that priorities and the turns of tenants
/// still decide about it.
pub(crate) const RATE_HORIZON: TimeDelta = TimeDelta::seconds(2);
/// How many of them get a ticket at once; the dispatcher finds the rest.
const TICKETS: usize = 8;

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
}

impl Limit {
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
                      actor_id AS "actor: Uuid", changed_at AS "changed_at: DateTime<Utc>"
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
    Ok(())
}

/// Lifts the limits of a kind; false when there were none.
pub async fn remove(tx: &mut Tx, kind: &str) -> Result<bool, DbError> {
    controls::raise_epoch(tx).await?;
    let removed = sqlx::query!("DELETE FROM job_limits WHERE kind = ?", kind).execute(&mut **tx).await?;
    Ok(removed.rows_affected() == 1)
}

/// Lets the next blocked job of a kind go, in the transaction of the one that made room.
pub async fn release_one(tx: &mut Tx, kind: &str, queues: &[Queue]) -> Result<(), DbError> {
    let Some(limit) = get(tx, kind).await? else { return Ok(()) };
    if limit.bounds_running() {
        let mut tenants = Tenants::of(tx, &limit, queues).await?;
        release(tx, kind, 1, &mut tenants).await?;
    }
    Ok(())
}

/// Who has how much running, where a limit counts by tenant.
struct Tenants {
    max: Option<u32>,
    running: HashMap<Uuid, u32>,
}

impl Tenants {
    async fn of(tx: &mut Tx, limit: &Limit, queues: &[Queue]) -> Result<Self, DbError> {
        let max = limit.max_running_per_tenant;
        let running =
            if max.is_some() { running(tx, &limit.kind, queues).await?.into_iter().collect() } else { HashMap::new() };
        Ok(Self { max, running })
    }

    fn full(&self, tenant: Uuid) -> bool {
        self.max.is_some_and(|max| self.running.get(&tenant).is_some_and(|running| *running >= max))
    }

    fn one_more(&mut self, tenant: Uuid) {
        *self.running.entry(tenant).or_default() += 1;
    }
}

/// Lets up to `places` blocked jobs go, tenants taking turns, none beyond its own limit. Returns how many. The limit's
/// row is locked.
async fn release(tx: &mut Tx, kind: &str, places: u32, tenants: &mut Tenants) -> Result<u32, DbError> {
    let last = sqlx::query_scalar!(r#"SELECT last_tenant AS "last_tenant: Uuid" FROM job_limits WHERE kind = ?"#, kind)
        .fetch_optional(&mut **tx)
        .await?;
    let mut last = last.flatten().unwrap_or_default();
    let mut released = 0;
    while released < places {
        let Some(next) = next_blocked(tx, kind, last, tenants).await? else { break };
        last = next.tenant;
        match let_go(tx, kind, std::slice::from_ref(&next)).await? {
            LetGo { locked: 0, released: now } => {
                released += now;
                if now > 0 {
                    tenants.one_more(next.tenant);
                }
            }
            // Somebody works on this very job; the rescuer looks again.
            _ => break,
        }
    }
    if released > 0 {
        sqlx::query!("UPDATE job_limits SET last_tenant = ? WHERE kind = ?", last, kind).execute(&mut **tx).await?;
    }
    Ok(released)
}

struct Blocked {
    priority: u8,
    tenant: Uuid,
    job: JobId,
}

macro_rules! blocked {
    ($tail:tt, $($arg:expr),*) => {
        sqlx::query_as!(
            Blocked,
            r#"SELECT priority, tenant AS "tenant: Uuid", job_id AS "job: JobId" FROM blocked_jobs WHERE "# + $tail,
            $($arg),*
        )
    };
}

/// The first job of the next tenant with room, in the first band that has one. Goes from tenant to tenant by seeks: a
/// tenant that is full costs one, however many of its jobs are blocked.
async fn next_blocked(tx: &mut Tx, kind: &str, last: Uuid, tenants: &Tenants) -> Result<Option<Blocked>, DbError> {
    let mut band: Option<u8> = first_band(tx, kind, 0).await?;
    while let Some(priority) = band {
        for (mut after, until) in [(last, None), (Uuid::nil(), Some(last))] {
            // The system's own jobs have the nil tenant, which nothing comes before.
            let mut at_least = until.is_some();
            loop {
                let next = first_behind(tx, kind, priority, after, at_least).await?;
                match next {
                    Some(next) if until.is_some_and(|until| next.tenant > until) => break,
                    Some(next) if !tenants.full(next.tenant) => return Ok(Some(next)),
                    Some(next) => (after, at_least) = (next.tenant, false),
                    None => break,
                }
            }
        }
        band = match priority.checked_add(1) {
            Some(lower) => first_band(tx, kind, lower).await?,
            None => None,
        };
    }
    Ok(None)
}

/// The first band from `priority` on that has blocked jobs.
async fn first_band(tx: &mut Tx, kind: &str, priority: u8) -> Result<Option<u8>, DbError> {
    Ok(sqlx::query_scalar!(
        "SELECT priority FROM blocked_jobs WHERE kind = ? AND priority >= ? ORDER BY priority LIMIT 1",
        kind,
        priority
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The oldest blocked job of the first tenant behind `tenant`, or of itself when it may be `at_least` that one.
async fn first_behind(
    tx: &mut Tx,
    kind: &str,
    priority: u8,
    tenant: Uuid,
    at_least: bool,
) -> Result<Option<Blocked>, DbError> {
    Ok(if at_least {
        blocked!("kind = ? AND priority = ? AND tenant >= ? ORDER BY tenant, job_id LIMIT 1", kind, priority, tenant)
            .fetch_optional(&mut **tx)
            .await?
    } else {
        blocked!("kind = ? AND priority = ? AND tenant > ? ORDER BY tenant, job_id LIMIT 1", kind, priority, tenant)
            .fetch_optional(&mut **tx)
            .await?
    })
}

struct LetGo {
    released: u32,
    /// Not released, because somebody works on them.
    locked: u32,
}

/// Makes blocked jobs available. Their own rows are locked first, as everywhere; what is blocked no more only loses
/// its place.
async fn let_go(tx: &mut Tx, kind: &str, blocked: &[Blocked]) -> Result<LetGo, DbError> {
    let ids = sorted(blocked.iter().map(|job| job.job).collect());
    let mut lock = QueryBuilder::<sqlx::MySql>::new("SELECT id FROM jobs WHERE id IN (");
    push_ids(&mut lock, &ids);
    lock.push(") ORDER BY id FOR UPDATE SKIP LOCKED");
    let mut ours: Vec<JobId> = lock.build_query_scalar().fetch_all(&mut **tx).await?;
    let mut existing = QueryBuilder::<sqlx::MySql>::new("SELECT id FROM jobs WHERE id IN (");
    push_ids(&mut existing, &ids);
    existing.push(")");
    let existing: Vec<JobId> = existing.build_query_scalar().fetch_all(&mut **tx).await?;
    let locked = existing.iter().filter(|id| !ours.contains(id)).count();
    // Rows of jobs that are gone go with the others.
    ours.extend(ids.iter().filter(|id| !existing.contains(id)));

    // Spelled out, so that each is one look at the primary key.
    let places: Vec<&Blocked> = blocked.iter().filter(|job| ours.contains(&job.job)).collect();
    if places.is_empty() {
        return Ok(LetGo { released: 0, locked: u32::try_from(locked).unwrap_or(u32::MAX) });
    }
    let mut delete = QueryBuilder::<sqlx::MySql>::new("DELETE FROM blocked_jobs WHERE ");
    let mut ors = delete.separated(" OR ");
    for job in &places {
        ors.push("(kind = ").push_bind_unseparated(kind.to_owned());
        ors.push_unseparated(" AND priority = ").push_bind_unseparated(job.priority);
        ors.push_unseparated(" AND tenant = ").push_bind_unseparated(job.tenant);
        ors.push_unseparated(" AND job_id = ").push_bind_unseparated(job.job).push_unseparated(")");
    }
    delete.build().execute(&mut **tx).await?;
    let mut update = QueryBuilder::<sqlx::MySql>::new("UPDATE jobs SET state = 'available' WHERE id IN (");
    push_ids(&mut update, &sorted(places.iter().map(|job| job.job).collect()));
    update.push(") AND state = 'blocked'");
    let released = update.build().execute(&mut **tx).await?.rows_affected();
    for job in places.into_iter().take(TICKETS) {
        let queue =
            sqlx::query_scalar!("SELECT queue FROM jobs WHERE id = ?", job.job).fetch_optional(&mut **tx).await?;
        if let Some(queue) = queue {
            let ticket = Ticket { job: job.job, priority: job.priority, rank: 0 };
            tx.notify(Available { queue, ticket, tenant: job.tenant });
        }
    }
    Ok(LetGo {
        released: u32::try_from(released).unwrap_or(u32::MAX),
        locked: u32::try_from(locked).unwrap_or(u32::MAX),
    })
}

/// What is running of a kind, by tenant. Running jobs are found through their queues.
pub(crate) async fn running(tx: &mut Tx, kind: &str, queues: &[Queue]) -> Result<Vec<(Uuid, u32)>, DbError> {
    let mut query = QueryBuilder::<sqlx::MySql>::new("SELECT tenant, COUNT(*) FROM jobs WHERE queue IN (");
    let mut list = query.separated(", ");
    for queue in queues {
        list.push_bind(queue.as_str());
    }
    query.push(") AND state = 'running' AND kind = ").push_bind(kind.to_owned()).push(" GROUP BY tenant");
    let rows: Vec<(Uuid, i64)> = query.build_query_as().fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|(tenant, count)| (tenant, u32::try_from(count).unwrap_or(u32::MAX))).collect())
}

/// The rescuer's part: lets go what no pause and no limit holds any more. Returns how many.
pub async fn settle(db: &Db, queues: &[Queue]) -> Result<u64, DbError> {
    let kinds = sqlx::query_scalar!("SELECT kind FROM blocked_jobs GROUP BY kind").fetch_all(db.pool()).await?;
    let mut released = 0;
    if !kinds.is_empty() {
        let controls = controls::load(db).await?;
        for kind in kinds.iter().filter(|kind| !controls.paused_kinds.contains(*kind)) {
            released += settle_kind(db, kind, queues).await?;
        }
    }
    Ok(released + settle_slots(db).await?)
}

async fn settle_kind(db: &Db, kind: &str, queues: &[Queue]) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let released = match get(&mut tx, kind).await? {
        Some(limit) => {
            let mut places = STEP;
            if let Some(max) = limit.max_running {
                let total: u32 = running(&mut tx, kind, queues).await?.iter().map(|(_, count)| count).sum();
                places = places.min(max.saturating_sub(total));
            }
            if let Some(interval) = limit.interval_micros() {
                places = places.min(starts_ahead(&mut tx, &limit, interval).await?);
            }
            let mut tenants = Tenants::of(&mut tx, &limit, queues).await?;
            u64::from(release(&mut tx, kind, places, &mut tenants).await?)
        }
        // Nothing holds them back: all at once, in the order they lie.
        None => {
            let blocked = blocked!("kind = ? ORDER BY kind, priority, tenant, job_id LIMIT ?", kind, STEP)
                .fetch_all(&mut *tx)
                .await?;
            if blocked.is_empty() {
                return Ok(0);
            }
            u64::from(let_go(&mut tx, kind, &blocked).await?.released)
        }
    };
    tx.commit().await?;
    Ok(released)
}

/// How many starts a rate still has to give before [`RATE_HORIZON`].
async fn starts_ahead(tx: &mut Tx, limit: &Limit, interval: i64) -> Result<u32, DbError> {
    let given = sqlx::query_scalar!(r#"SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), GREATEST(COALESCE(tat, UTC_TIMESTAMP(6)), UTC_TIMESTAMP(6)))
             AS "given?: i64"
         FROM job_limits WHERE kind = ?"#, limit.kind)
    .fetch_one(&mut **tx)
    .await?;
    let next = given.unwrap_or(0) - limit.tolerance_micros(interval);
    let horizon = RATE_HORIZON.num_microseconds().unwrap_or(i64::MAX);
    let left = if next > horizon { 0 } else { (horizon - next) / interval.max(1) + 1 };
    Ok(u32::try_from(left).unwrap_or(u32::MAX))
}

/// Starts that were put off by a rate that is no longer in force: judged anew, at once.
async fn settle_slots(db: &Db) -> Result<u64, DbError> {
    let kinds = sqlx::query_scalar!("SELECT kind FROM rate_slots GROUP BY kind").fetch_all(db.pool()).await?;
    let mut ids: Vec<JobId> = Vec::new();
    for kind in kinds {
        let judged = sqlx::query_scalar!(
            r#"SELECT changed_at AS "changed_at: DateTime<Utc>" FROM job_limits WHERE kind = ? AND rate IS NOT NULL"#,
            kind
        )
        .fetch_optional(db.pool())
        .await?;
        let mut stale = QueryBuilder::<sqlx::MySql>::new("SELECT job_id FROM rate_slots WHERE kind = ");
        stale.push_bind(kind);
        // Without a rate, whatever is there is of an old one.
        if let Some(judged) = judged {
            stale.push(" AND reserved_at < ").push_bind(judged);
        }
        stale.push(" LIMIT ").push_bind(STEP);
        let stale: Vec<JobId> = stale.build_query_scalar().fetch_all(db.pool()).await?;
        ids.extend(stale);
    }
    ids.truncate(STEP as usize);
    if ids.is_empty() {
        return Ok(0);
    }
    let ids = sorted(ids);
    let mut tx = db.begin().await?;
    for (before, after) in [
        ("UPDATE jobs SET state = 'available', run_at = UTC_TIMESTAMP(6) WHERE id IN (", ") AND state = 'scheduled'"),
        ("DELETE FROM rate_slots WHERE job_id IN (", ")"),
    ] {
        let mut query = QueryBuilder::<sqlx::MySql>::new(before);
        push_ids(&mut query, &ids);
        query.push(after);
        query.build().execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(ids.len() as u64)
}
