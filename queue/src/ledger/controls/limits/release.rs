//! Blocked jobs are let go: the next ones after a run has ended, and by the rescuer what no pause and no limit holds any more.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::{Limit, RATE_HORIZON, get};
use crate::{
    ids::JobId,
    ledger::{controls, push_ids, sorted, unknown::Known},
    ready::{Available, Ticket},
};

/// Jobs let go in one transaction.
const STEP: u32 = 500;
/// How many of them get a ticket at once; the dispatcher finds the rest.
const TICKETS: usize = 8;

/// Lets the next blocked jobs of a kind go, after `ended` runs of it have made room. Costs next to nothing where none is
/// blocked.
pub async fn release_next(db: &Db, kind: &str, ended: u32) -> Result<u32, DbError> {
    let blocked = sqlx::query_scalar!("SELECT job_id FROM blocked_jobs WHERE kind = ? LIMIT 1", kind)
        .fetch_optional(db.pool())
        .await?;
    if blocked.is_none() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let Some(limit) = get(&mut tx, kind).await? else { return Ok(0) };
    if !limit.bounds_running() {
        return Ok(0);
    }
    let places = limit.max_running.map_or(ended, |max| ended.min(max.saturating_sub(limit.running)));
    let mut tenants = Tenants::of(&mut tx, &limit).await?;
    let released = release(&mut tx, kind, places, &mut tenants).await?;
    tx.commit().await?;
    Ok(released)
}

/// Who has how much running, where a limit counts by tenant.
struct Tenants {
    max: Option<u32>,
    running: HashMap<Uuid, u32>,
}

impl Tenants {
    async fn of(tx: &mut Tx, limit: &Limit) -> Result<Self, DbError> {
        let max = limit.max_running_per_tenant;
        let running = if max.is_some() {
            let rows: Vec<(Uuid, u32)> = sqlx::query!(
                r#"SELECT tenant AS "tenant: Uuid", running FROM limit_tenants WHERE kind = ? AND running > 0"#,
                limit.kind
            )
            .map(|row| (row.tenant, row.running))
            .fetch_all(&mut **tx)
            .await?;
            rows.into_iter().collect()
        } else {
            HashMap::new()
        };
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
        let row = sqlx::query!(r#"SELECT queue, tenant AS "tenant: Uuid" FROM jobs WHERE id = ?"#, job.job)
            .fetch_optional(&mut **tx)
            .await?;
        if let Some(row) = row {
            let ticket = Ticket { job: job.job, priority: job.priority, rank: 0 };
            tx.notify(Available { queue: row.queue, ticket, tenant: row.tenant });
        }
    }
    Ok(LetGo {
        released: u32::try_from(released).unwrap_or(u32::MAX),
        locked: u32::try_from(locked).unwrap_or(u32::MAX),
    })
}

/// The rescuer's part: lets go what no pause and no limit holds any more. Returns how many.
pub async fn settle(db: &Db) -> Result<u64, DbError> {
    let kinds = sqlx::query_scalar!("SELECT kind FROM blocked_jobs GROUP BY kind").fetch_all(db.pool()).await?;
    let mut released = 0;
    if !kinds.is_empty() {
        let controls = controls::load(db).await?;
        let known = Known::load(db).await?;
        for kind in kinds.iter().filter(|kind| !controls.paused_kinds.contains(*kind)) {
            if let Some(newest) = known.newest(kind) {
                released += settle_kind(db, kind, newest).await?;
            }
        }
    }
    Ok(released + settle_slots(db).await?)
}

/// `newest`: the newest version of the arguments that somebody knows.
async fn settle_kind(db: &Db, kind: &str, newest: u16) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let released = match get(&mut tx, kind).await? {
        Some(limit) => {
            let mut places = STEP;
            if let Some(max) = limit.max_running {
                places = places.min(max.saturating_sub(limit.running));
            }
            if let Some(interval) = limit.interval_micros() {
                places = places.min(starts_ahead(&mut tx, &limit, interval).await?);
            }
            let mut tenants = Tenants::of(&mut tx, &limit).await?;
            u64::from(release(&mut tx, kind, places, &mut tenants).await?)
        }
        // Nothing holds them back: all at once, in the order they lie.
        None => {
            let blocked = blocked!(
                "kind = ? AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = blocked_jobs.job_id AND j.args_version > ?)
                 ORDER BY kind, priority, tenant, job_id LIMIT ?",
                kind,
                newest,
                STEP
            )
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
    let mut tx = db.begin().await?;
    let mut lock = QueryBuilder::<sqlx::MySql>::new("SELECT id FROM jobs WHERE id IN (");
    push_ids(&mut lock, &sorted(ids.clone()));
    lock.push(") ORDER BY id FOR UPDATE SKIP LOCKED");
    let mut free: Vec<JobId> = lock.build_query_scalar().fetch_all(&mut *tx).await?;
    let mut gone = QueryBuilder::<sqlx::MySql>::new("SELECT id FROM jobs WHERE id IN (");
    push_ids(&mut gone, &ids);
    gone.push(")");
    let existing: Vec<JobId> = gone.build_query_scalar().fetch_all(&mut *tx).await?;
    // Places of jobs that are gone go with the others; what somebody has locked waits for the next look.
    free.extend(ids.iter().filter(|id| !existing.contains(id)));
    let ids = sorted(free);
    if ids.is_empty() {
        return Ok(0);
    }
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
