//! Claiming jobs of kinds that are paused or near their limit: each is started, blocked, or put off to its own later start.
//!
//! A limit that does not bite is only counted, with the claim itself. What it turns down comes here, where each job is
//! judged under the lock of its limit.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx, literal};
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{
        claim::{Claimant, start},
        controls::{
            Restrictions, hold_epoch,
            limits::{self, Limit, RATE_HORIZON},
        },
        push_ids, sorted,
    },
};

#[derive(Clone, FromRow)]
struct Candidate {
    id: JobId,
    kind: String,
    tenant: Uuid,
    priority: u8,
}

/// What becomes of the candidates of one kind.
#[derive(Default)]
struct Verdicts {
    start: Vec<JobId>,
    /// How many of them each tenant has.
    tenants: BTreeMap<Uuid, u32>,
    block: Vec<Candidate>,
    put_off: Vec<(JobId, DateTime<Utc>)>,
}

/// Judges those of `ids` (in the order of their tickets) that are available and of one of `kinds`; what may start is taken
/// with `token`.
pub(super) async fn claim_judged(
    db: &Db,
    claimant: &Claimant,
    token: Uuid,
    ids: &[JobId],
    controls: &Restrictions,
    kinds: &[&str],
) -> Result<(), DbError> {
    let candidates = candidates(db, claimant, ids, kinds).await?;
    let mut by_kind: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        by_kind.entry(candidate.kind.clone()).or_default().push(candidate);
    }
    for (kind, candidates) in by_kind {
        let mut tx = db.begin().await?;
        // In the order of those who change limits: the controls' number, then the limit.
        hold_epoch(&mut tx).await?;
        let paused = controls.paused_kinds.contains(&kind);
        // The limit's row first: everybody who counts what runs waits here.
        let limit = if paused { None } else { limits::get(&mut tx, &kind).await? };
        let candidates = still_available(&mut tx, candidates).await?;
        let verdicts = match &limit {
            _ if paused => Verdicts { block: candidates, ..Verdicts::default() },
            Some(limit) => judge(&mut tx, limit, candidates).await?,
            // Lifted just now: the next claim knows.
            None => Verdicts::default(),
        };
        if limit.is_some() {
            claimant.bites(&kind, !verdicts.block.is_empty() || !verdicts.put_off.is_empty());
        }
        if !verdicts.start.is_empty() {
            let ids = sorted(verdicts.start.clone());
            let statement = start(&literal::ids(&ids), token, claimant.worker, controls.epoch, "");
            let started = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?.rows_affected();
            if started < ids.len() as u64 {
                // Not alive any more, or the controls are others by now: nothing is judged by them.
                tx.rollback().await?;
                continue;
            }
            let mut spent = QueryBuilder::<sqlx::MySql>::new("DELETE FROM rate_slots WHERE job_id IN (");
            push_ids(&mut spent, &ids);
            spent.push(")");
            spent.build().execute(&mut *tx).await?;
            if let Some(limit) = &limit {
                limits::count_in(&mut tx, limit, &verdicts.tenants).await?;
            }
        }
        block(&mut tx, &verdicts.block).await?;
        put_off(&mut tx, &kind, &verdicts.put_off).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn candidates(db: &Db, claimant: &Claimant, ids: &[JobId], special: &[&str]) -> Result<Vec<Candidate>, DbError> {
    let places: HashMap<JobId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let mut query = QueryBuilder::<sqlx::MySql>::new("SELECT id, kind, priority, ");
    query.push(limits::COUNTED_BY).push(" AS tenant FROM jobs WHERE id IN (");
    push_ids(&mut query, &sorted(ids.to_vec()));
    query.push(") AND state = 'available' AND kind IN (");
    let mut kinds = query.separated(", ");
    for kind in special {
        kinds.push_bind((*kind).to_owned());
    }
    query.push(")").push(claimant.known());
    let mut found: Vec<Candidate> = query.build_query_as().fetch_all(db.pool()).await?;
    found.sort_by_key(|candidate| places.get(&candidate.id).copied());
    Ok(found)
}

/// Locks the candidates' rows; what somebody else has locked is somebody else's.
async fn still_available(tx: &mut Tx, candidates: Vec<Candidate>) -> Result<Vec<Candidate>, DbError> {
    let mut query = QueryBuilder::<sqlx::MySql>::new("SELECT id, priority FROM jobs WHERE id IN (");
    push_ids(&mut query, &sorted(candidates.iter().map(|candidate| candidate.id).collect()));
    query.push(") AND state = 'available' ORDER BY id FOR UPDATE SKIP LOCKED");
    let held: Vec<(JobId, u8)> = query.build_query_as().fetch_all(&mut **tx).await?;
    let held: HashMap<JobId, u8> = held.into_iter().collect();
    // With the priority of this moment, under which its place among the blocked is found again.
    let held = |candidate: Candidate| Some(Candidate { priority: *held.get(&candidate.id)?, ..candidate });
    Ok(candidates.into_iter().filter_map(held).collect())
}

async fn judge(tx: &mut Tx, limit: &Limit, candidates: Vec<Candidate>) -> Result<Verdicts, DbError> {
    let mut total = limit.running;
    let mut running: HashMap<Uuid, u32> = match limit.max_running_per_tenant {
        Some(_) => limits::running_of(tx, &limit.kind, candidates.iter().map(|candidate| candidate.tenant)).await?,
        None => HashMap::new(),
    };
    let mut pace = match limit.interval_micros() {
        Some(interval) => Some(Pace::read(tx, limit, interval, &candidates).await?),
        None => None,
    };
    let mut verdicts = Verdicts::default();
    for candidate in candidates {
        let id = candidate.id;
        let of_tenant = running.entry(candidate.tenant).or_default();
        let full = limit.max_running.is_some_and(|max| total >= max)
            || limit.max_running_per_tenant.is_some_and(|max| *of_tenant >= max);
        if full {
            verdicts.block.push(candidate);
            continue;
        }
        match pace.as_mut().map_or(Turn::Now, |pace| pace.next(id)) {
            Turn::Now => {
                *of_tenant += 1;
                total += 1;
                *verdicts.tenants.entry(candidate.tenant).or_default() += 1;
                verdicts.start.push(id);
            }
            Turn::At(slot) => verdicts.put_off.push((id, slot)),
            Turn::TooFar => verdicts.block.push(candidate),
        }
    }
    if let Some(pace) = pace {
        sqlx::query!("UPDATE job_limits SET tat = ? WHERE kind = ?", pace.tat, limit.kind).execute(&mut **tx).await?;
    }
    Ok(verdicts)
}

/// When a job may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Now,
    /// Its own time.
    At(DateTime<Utc>),
    /// Beyond the horizon: not given away yet.
    TooFar,
}

/// GCRA of one kind, while its limit's row is locked.
struct Pace {
    now: DateTime<Utc>,
    /// Theoretical arrival time of the next start.
    tat: DateTime<Utc>,
    interval: TimeDelta,
    /// How far ahead of that a start may come.
    tolerance: TimeDelta,
    /// Whose start was put off earlier: their time has come.
    reserved: HashSet<JobId>,
}

impl Pace {
    async fn read(tx: &mut Tx, limit: &Limit, interval: i64, candidates: &[Candidate]) -> Result<Self, DbError> {
        let row = sqlx::query!(
            r#"SELECT UTC_TIMESTAMP(6) AS "now!: DateTime<Utc>", tat AS "tat: DateTime<Utc>"
               FROM job_limits WHERE kind = ?"#,
            limit.kind
        )
        .fetch_one(&mut **tx)
        .await?;
        let mut query = QueryBuilder::<sqlx::MySql>::new("SELECT job_id FROM rate_slots WHERE job_id IN (");
        push_ids(&mut query, &candidates.iter().map(|candidate| candidate.id).collect::<Vec<_>>());
        query.push(")");
        let reserved: Vec<JobId> =
            if candidates.is_empty() { Vec::new() } else { query.build_query_scalar().fetch_all(&mut **tx).await? };
        Ok(Self {
            now: row.now,
            tat: row.tat.unwrap_or(row.now).max(row.now),
            interval: TimeDelta::microseconds(interval),
            tolerance: TimeDelta::microseconds(limit.tolerance_micros(interval)),
            reserved: reserved.into_iter().collect(),
        })
    }

    fn next(&mut self, job: JobId) -> Turn {
        if self.reserved.contains(&job) {
            return Turn::Now;
        }
        let allowed = self.tat - self.tolerance;
        if allowed > self.now + RATE_HORIZON {
            return Turn::TooFar;
        }
        self.tat += self.interval;
        if allowed > self.now { Turn::At(allowed) } else { Turn::Now }
    }
}

async fn block(tx: &mut Tx, jobs: &[Candidate]) -> Result<(), DbError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::<sqlx::MySql>::new("UPDATE jobs SET state = 'blocked' WHERE id IN (");
    push_ids(&mut update, &sorted(jobs.iter().map(|job| job.id).collect()));
    update.push(") AND state = 'available'");
    update.build().execute(&mut **tx).await?;
    let mut insert =
        QueryBuilder::<sqlx::MySql>::new("INSERT IGNORE INTO blocked_jobs (kind, priority, tenant, job_id) ");
    insert.push_values(jobs, |mut row, job| {
        row.push_bind(&job.kind).push_bind(job.priority).push_bind(job.tenant).push_bind(job.id);
    });
    insert.build().execute(&mut **tx).await?;
    Ok(())
}

async fn put_off(tx: &mut Tx, kind: &str, jobs: &[(JobId, DateTime<Utc>)]) -> Result<(), DbError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::<sqlx::MySql>::new("UPDATE jobs SET state = 'scheduled', run_at = CASE id ");
    for (id, slot) in jobs {
        update.push("WHEN ").push_bind(*id).push(" THEN ").push_bind(*slot).push(" ");
    }
    update.push("ELSE run_at END WHERE id IN (");
    push_ids(&mut update, &sorted(jobs.iter().map(|(id, _)| *id).collect()));
    update.push(") AND state = 'available'");
    update.build().execute(&mut **tx).await?;
    let mut insert = QueryBuilder::<sqlx::MySql>::new("INSERT INTO rate_slots (job_id, kind, slot, reserved_at) ");
    insert.push_values(jobs, |mut row, (id, slot)| {
        row.push_bind(*id).push_bind(kind.to_owned()).push_bind(*slot).push("UTC_TIMESTAMP(6)");
    });
    insert.push(" ON DUPLICATE KEY UPDATE slot = VALUES(slot), reserved_at = VALUES(reserved_at)");
    insert.build().execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(tat_in: i64, burst: i64) -> Pace {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Pace {
            now,
            tat: now + TimeDelta::seconds(tat_in),
            interval: TimeDelta::seconds(1),
            tolerance: TimeDelta::seconds(burst - 1),
            reserved: HashSet::new(),
        }
    }

    #[test]
    fn starts_beyond_the_burst_get_times_one_interval_apart() {
        let mut pace = pace(0, 3);
        let turns: Vec<Turn> = (0..6).map(|_| pace.next(JobId::new())).collect();
        let at = |seconds| Turn::At(pace.now + TimeDelta::seconds(seconds));
        assert_eq!(turns, [Turn::Now, Turn::Now, Turn::Now, at(1), at(2), Turn::TooFar]);
        assert_eq!(pace.tat - pace.now, TimeDelta::seconds(5), "what is too far away takes no place");
    }

    #[test]
    fn a_start_that_was_put_off_does_not_ask_again() {
        let (mut pace, job) = (pace(1, 1), JobId::new());
        assert_eq!(pace.next(job), Turn::At(pace.now + TimeDelta::seconds(1)));
        pace.reserved.insert(job);
        assert_eq!(pace.next(job), Turn::Now);
        assert_eq!((pace.tat - pace.now).num_seconds(), 2, "and takes nobody's place");
    }
}
