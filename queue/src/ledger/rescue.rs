//! Rescuing the jobs of dead workers, and pruning old rows. Both go in small steps, by primary key.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx, literal};
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};
use uuid::Uuid;

use crate::{
    LedgerDays,
    ids::{JobId, WorkerId},
    ledger::{Fence, NOTICES_AT_MOST, act::forget_before_again, push_ids, sorted, stats::failures},
    ready::{Available, Ticket},
};

/// Runs lost with their process cost a job nothing, but one that was lost this often is set aside: the backstop
/// against a job that takes every worker down.
const LOST_LIMIT: u32 = 20;

/// At most this many rows a step.
const STEP: u32 = 500;
const PRUNE_STEP: u32 = 100;

/// What became of a dead worker's jobs.
#[derive(Debug, Default)]
pub struct Rescued {
    pub jobs: u64,
    /// Those that were lost once too often, with their kinds.
    pub quarantined: Vec<(JobId, String)>,
}

/// Puts `held` jobs (of [`owned_by`]) of a worker that is dead or stopped back; the first 500 of them.
pub async fn rescue_jobs(tx: &mut Tx, worker: WorkerId, mut held: Vec<JobId>) -> Result<Rescued, DbError> {
    held.truncate(STEP as usize);
    if held.is_empty() {
        return Ok(Rescued::default());
    }
    let mut select = QueryBuilder::new("SELECT id, kind, queue, priority, tenant, lost, again FROM jobs WHERE id IN (");
    push_ids(&mut select, &sorted(held));
    select.push(") AND state = 'running' AND worker_id = ").push_bind(worker);
    select.push(" ORDER BY id FOR UPDATE SKIP LOCKED");
    let rows: Vec<HeldRow> = select.build_query_as().fetch_all(&mut **tx).await?;
    let ids = sorted(rows.iter().map(|row| row.id).collect());
    if ids.is_empty() {
        return Ok(Rescued::default());
    }
    let mut attempts = QueryBuilder::new(
        "INSERT INTO job_attempts (job_id, run, worker_id, outcome, error_class, error, started_at, finished_at,
                                   worker_name, version)
         SELECT j.id, j.runs, j.worker_id, 'lost', 'lost', 'the worker process died', j.started_at, UTC_TIMESTAMP(6),
                w.name, w.version
         FROM jobs j LEFT JOIN workers w ON w.id = j.worker_id WHERE j.id IN (",
    );
    push_ids(&mut attempts, &ids);
    attempts.push(") ON DUPLICATE KEY UPDATE outcome = 'lost'");
    attempts.build().execute(&mut **tx).await?;

    let forget = forget_before_again(&format!("j.id IN ({})", literal::ids(&ids)));
    sqlx::raw_sql(AssertSqlSafe(forget)).execute(&mut **tx).await?;
    // One that was asked for again begins anew, and is not set aside.
    let mut update = QueryBuilder::new("UPDATE jobs SET state = IF(NOT again AND lost + 1 >= ");
    update.push_bind(LOST_LIMIT).push(
        ", 'quarantined', 'available'), finished_at = IF(state = 'quarantined', UTC_TIMESTAMP(6), NULL),
             unique_live = IF(state = 'quarantined', NULL, unique_live), lost = IF(again, 0, lost + 1),
             failures = IF(again, 0, failures), worker_id = NULL, token = NULL, again = FALSE WHERE id IN (",
    );
    push_ids(&mut update, &ids);
    update.push(") AND state = 'running'");
    let jobs = update.build().execute(&mut **tx).await?.rows_affected();
    failures::remember_lost(tx, &ids).await?;
    let (quarantined, back): (Vec<HeldRow>, Vec<HeldRow>) =
        rows.into_iter().partition(|row| !row.again && row.lost + 1 >= LOST_LIMIT);
    for row in back.into_iter().take(NOTICES_AT_MOST) {
        let ticket = Ticket { job: row.id, priority: row.priority, rank: 0 };
        tx.notify(Available { queue: row.queue, ticket, tenant: row.tenant });
    }
    Ok(Rescued { jobs, quarantined: quarantined.into_iter().map(|row| (row.id, row.kind)).collect() })
}

#[derive(FromRow)]
struct HeldRow {
    id: JobId,
    kind: String,
    queue: String,
    priority: u8,
    tenant: Uuid,
    lost: u32,
    again: bool,
}

/// The running jobs a worker owns according to the ledger: what it does not know of, it hands back. Found among the
/// running jobs of the worker's queues; there is no index by worker, because every job would have to pay for it.
pub async fn owned_by(db: &Db, worker: WorkerId) -> Result<Vec<Fence>, DbError> {
    let queues = sqlx::query_scalar!("SELECT queues FROM workers WHERE id = ?", worker)
        .fetch_optional(db.pool())
        .await?
        .unwrap_or_default();
    let mut select = QueryBuilder::new("SELECT id, token, runs FROM jobs WHERE queue IN (");
    let mut list = select.separated(", ");
    for queue in queues.split(',') {
        list.push_bind(queue.to_owned());
    }
    select.push(") AND state = 'running' AND worker_id = ").push_bind(worker);
    let seen: Vec<(JobId, Uuid, u32)> = select.build_query_as().fetch_all(db.looks()).await?;
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    // A claim under way is seen too early, and must not be taken for one whose answer was lost.
    let mut select = QueryBuilder::new("SELECT id, token, runs FROM jobs WHERE id IN (");
    push_ids(&mut select, &sorted(seen.into_iter().map(|(job, ..)| job).collect()));
    select.push(") AND state = 'running' AND worker_id = ").push_bind(worker);
    let held: Vec<(JobId, Uuid, u32)> = select.build_query_as().fetch_all(db.pool()).await?;
    Ok(held.into_iter().map(|(job, token, run)| Fence { job, token, run, worker }).collect())
}

/// Deletes terminal jobs behind `after` that have had their time, in the order of their creation; returns the
/// last one looked at, or `None` when there are no more. At most 100, so that nobody waits long for its locks.
pub async fn prune(db: &Db, days: LedgerDays, now: DateTime<Utc>, after: JobId) -> Result<Option<Pruned>, DbError> {
    // However much of it is kept, a step looks at so many rows and no more. Where they begin is looked for without locks: while
    // a long transaction stays open, all rows that were pruned since lie before them.
    let rows = sqlx::query!(
        r#"SELECT MIN(id) AS "first: JobId", IF(COUNT(*) > 2000, MAX(id), NULL) AS "end: JobId"
           FROM (SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT 2001) AS some"#,
        after
    )
    .fetch_one(db.looks())
    .await?;
    let (Some(first), end) = (rows.first, rows.end) else { return Ok(None) };
    let young = first_id_of(now - TimeDelta::days(days.shortest().into()));
    let mut tx = db.begin().await?;
    // Ids are in the order of creation, and nothing ends before it is created. A child that was given up stays while its
    // parent waits: without it nobody could let the parent go on.
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id: JobId" FROM jobs
           WHERE id >= ? AND id < ? AND id <= ? AND state IN ('completed', 'cancelled', 'discarded', 'quarantined')
             AND finished_at < UTC_TIMESTAMP(6) - INTERVAL
                   CASE state WHEN 'completed' THEN ? WHEN 'cancelled' THEN ? WHEN 'discarded' THEN ? ELSE ? END DAY
             AND (state = 'completed' OR flow_id IS NULL OR NOT EXISTS (
                   SELECT 1 FROM flows f JOIN jobs p ON p.id = f.parent_id
                   WHERE f.id = jobs.flow_id AND f.pending > 0 AND p.state = 'waiting'))
           ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED"#,
        first,
        young,
        end.map_or(young, |end| end.0),
        days.completed,
        days.cancelled,
        days.discarded,
        days.quarantined,
        PRUNE_STEP
    )
    .fetch_all(&mut *tx)
    .await?;
    let to_the_end = ids.len() < PRUNE_STEP as usize;
    let last = match (ids.last().copied(), end) {
        (_, Some(end)) if to_the_end && end.0 < young => end,
        (Some(last), _) => last,
        (None, _) => return Ok(None),
    };
    if ids.is_empty() {
        return Ok(Some(Pruned { jobs: 0, last }));
    }
    // What was given up stands for its key no longer, also where its window is longer than it is kept.
    let mut windows = QueryBuilder::new(
        "DELETE w FROM unique_windows w JOIN jobs j ON j.unique_hash = w.unique_hash AND j.id = w.job_id
         WHERE j.state <> 'completed' AND j.id IN (",
    );
    push_ids(&mut windows, &ids);
    windows.push(")");
    windows.build().execute(&mut *tx).await?;
    // The flow of a pruned parent goes with it; children's rows point to a flow that is done.
    let mut edges =
        QueryBuilder::new("DELETE c FROM flow_children c JOIN flows f ON f.id = c.flow_id WHERE f.parent_id IN (");
    push_ids(&mut edges, &ids);
    edges.push(")");
    edges.build().execute(&mut *tx).await?;
    for (table, column) in [
        ("job_payloads", "job_id"),
        ("job_progress", "job_id"),
        ("job_checkpoints", "job_id"),
        ("job_logs", "job_id"),
        ("job_refs", "job_id"),
        ("job_attempts", "job_id"),
        ("job_failures", "job_id"),
        ("job_cancels", "job_id"),
        ("job_actions", "job_id"),
        ("rate_slots", "job_id"),
        ("flows", "parent_id"),
        ("jobs", "id"),
    ] {
        let mut delete = QueryBuilder::new("DELETE FROM ");
        delete.push(table).push(" WHERE ").push(column).push(" IN (");
        push_ids(&mut delete, &ids);
        delete.push(")");
        delete.build().execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(Some(Pruned { jobs: ids.len(), last }))
}

/// Deletes the unique windows that are over; returns how many, at most 500.
pub async fn prune_windows(db: &Db) -> Result<u64, DbError> {
    let over = sqlx::query!("DELETE FROM unique_windows WHERE until_at < UTC_TIMESTAMP(6) LIMIT 500");
    Ok(over.execute(db.pool()).await?.rows_affected())
}

/// Deletes groups of failures that were last seen before `before` and that no job in the ledger belongs to, and bulk
/// actions that ended before then; returns how many rows, at most 1,000.
pub async fn prune_groups(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let errors = sqlx::query!(
        "DELETE FROM job_errors WHERE last_seen < ?
           AND NOT EXISTS (SELECT 1 FROM job_failures f WHERE f.fingerprint = job_errors.fingerprint) LIMIT 500",
        before
    )
    .execute(db.pool())
    .await?;
    let actions =
        sqlx::query!("DELETE FROM bulk_actions WHERE COALESCE(finished_at, stopped_at) < ? LIMIT 500", before)
            .execute(db.pool())
            .await?;
    Ok(errors.rows_affected() + actions.rows_affected())
}

/// What one step of [`prune`] did.
#[derive(Clone, Copy, Debug)]
pub struct Pruned {
    pub jobs: usize,
    /// Where the next step goes on.
    pub last: JobId,
}

/// The smallest id (UUID version 7) that a job created at `time` can have.
pub(crate) fn first_id_of(time: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(u128::from(millis) << 80)
}
