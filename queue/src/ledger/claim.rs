//! From the ledger to a worker: which jobs are next, and taking them.

use std::{collections::HashMap, time::Duration};

use db::{Db, DbError, literal};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, QueryBuilder, Row, types::Json};
use uuid::Uuid;

use crate::{
    Queue,
    ids::{FlowId, JobId, WorkerId},
    ledger::{
        Fence, NOTICES_AT_MOST,
        controls::{self, Restrictions},
        limited::claim_limited,
        push_ids, sorted,
    },
    ready::{Available, Ticket},
};

/// A job this worker holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claimed {
    pub id: JobId,
    pub fence: Fence,
    pub kind: String,
    pub args_version: u16,
    pub args: serde_json::Value,
    pub queue: String,
    pub priority: u8,
    pub tenant: Uuid,
    pub failures: u32,
    pub max_failures: u32,
    /// Runs lost with their worker process.
    pub lost: u32,
    /// Runs whose child process died.
    pub crashes: u32,
    pub flow: Option<FlowId>,
    pub trace_parent: Option<String>,
    /// How long the job was ready before this claim.
    pub waited: Duration,
    /// Its kind has limits: whoever ends the run lets the next one go.
    pub limited: bool,
}

/// [`claim_within`] the pauses and limits of this moment.
pub async fn claim(db: &Db, worker: WorkerId, ids: Vec<JobId>, queues: &[Queue]) -> Result<Vec<Claimed>, DbError> {
    let restrictions = controls::load(db).await?;
    claim_within(db, worker, ids, &restrictions, queues).await
}

/// Takes those of `ids` that are still available, for a worker registration that is still alive. What another worker
/// took first is left out, and so is what a pause or a limit holds back. With controls that are not the newest it takes
/// nothing. One round trip, unless some kinds are paused or limited: the update, and the read of what it took.
pub async fn claim_within(
    db: &Db,
    worker: WorkerId,
    ids: Vec<JobId>,
    controls: &Restrictions,
    queues: &[Queue],
) -> Result<Vec<Claimed>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: HashMap<JobId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let token = Uuid::now_v7();
    let list = literal::ids(&sorted(ids.clone()));
    let special = names(controls.restricted_kinds());
    let mut narrow = String::new();
    if let Some(kinds) = &special {
        narrow = format!(" AND kind NOT IN ({kinds})");
    }
    if let Some(queues) = names(controls.paused_queues.iter().map(String::as_str)) {
        narrow.push_str(&format!(" AND queue NOT IN ({queues})"));
    }
    let update = start(&list, token, worker, controls.epoch, &narrow);
    let taken = format!(
        "SELECT j.id, j.runs, j.kind, j.args_version, j.queue, j.failures, j.max_failures, j.flow_id, j.trace_parent,
                j.priority, j.tenant, j.lost, j.crashes,
                TIMESTAMPDIFF(MICROSECOND, j.run_at, j.started_at) AS waited, p.args
         FROM jobs j LEFT JOIN job_payloads p ON p.job_id = j.id
         WHERE j.id IN ({list}) AND j.token = {}",
        literal::uuid(token)
    );
    let rows = if special.is_none() {
        sqlx::raw_sql(AssertSqlSafe(format!("{update}; {taken}"))).fetch_all(db.pool()).await?
    } else {
        let simple = sqlx::raw_sql(AssertSqlSafe(update)).execute(db.pool()).await?.rows_affected();
        if simple < ids.len() as u64 {
            claim_limited(db, worker, token, &ids, controls, queues).await?;
        }
        sqlx::raw_sql(AssertSqlSafe(taken)).fetch_all(db.pool()).await?
    };
    let jobs: Result<Vec<Claimed>, sqlx::Error> = rows.iter().map(|row| claimed(row, token, worker)).collect();
    // In the order of their tickets.
    let mut jobs = jobs?;
    jobs.sort_by_key(|job| places.get(&job.id).copied());
    for job in &mut jobs {
        job.limited = controls.limits.contains_key(&job.kind);
    }
    Ok(jobs)
}

/// The statement that takes jobs. The worker's life and the controls' number are looked at once for all of them.
pub(super) fn start(ids: &str, token: Uuid, worker: WorkerId, epoch: u64, narrow: &str) -> String {
    let (token, worker) = (literal::uuid(token), literal::uuid(worker));
    format!(
        "UPDATE jobs SET state = 'running', runs = runs + 1, started_at = UTC_TIMESTAMP(6), token = {token},
                worker_id = {worker}
         WHERE id IN ({ids}) AND state = 'available'{narrow}
           AND EXISTS (SELECT 1 FROM workers w JOIN queue_control_epoch e ON e.id = 1 AND e.epoch = {epoch}
                       WHERE w.id = {worker} AND w.state = 'alive')"
    )
}

/// A list of names for the text of a statement; `None` when there are none.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let list: Vec<String> = names.map(literal::text).collect();
    (!list.is_empty()).then(|| list.join(","))
}

fn claimed(row: &sqlx::mysql::MySqlRow, token: Uuid, worker: WorkerId) -> Result<Claimed, sqlx::Error> {
    let id = row.try_get("id")?;
    let waited: i64 = row.try_get("waited")?;
    Ok(Claimed {
        id,
        fence: Fence { job: id, token, run: row.try_get("runs")?, worker },
        kind: row.try_get("kind")?,
        args_version: row.try_get("args_version")?,
        // A row without arguments is discarded by name, rather than claimed and put back for ever.
        args: row.try_get::<Option<Json<serde_json::Value>>, _>("args")?.map_or(serde_json::Value::Null, |args| args.0),
        queue: row.try_get("queue")?,
        priority: row.try_get("priority")?,
        tenant: row.try_get("tenant")?,
        failures: row.try_get("failures")?,
        max_failures: row.try_get("max_failures")?,
        lost: row.try_get("lost")?,
        crashes: row.try_get("crashes")?,
        flow: row.try_get("flow_id")?,
        trace_parent: row.try_get("trace_parent")?,
        waited: Duration::from_micros(waited.unsigned_abs()),
        limited: false,
    })
}

/// The tenants with available jobs in a queue, from `after` on: one index seek each, however long their backlogs.
/// (`SELECT DISTINCT` reads through the whole of a backlog to find the next tenant.)
pub async fn tenants(db: &Db, queue: &str, after: Uuid, limit: u32) -> Result<Vec<Uuid>, DbError> {
    let mut connection = db.pool().acquire().await?;
    let mut tenants = Vec::new();
    let mut next = sqlx::query_scalar!(
        r#"SELECT tenant AS "tenant: Uuid" FROM jobs WHERE queue = ? AND state = 'available' AND tenant >= ?
           ORDER BY tenant LIMIT 1"#,
        queue,
        after
    )
    .fetch_optional(&mut connection)
    .await?;
    while let Some(tenant) = next {
        tenants.push(tenant);
        if tenants.len() >= limit as usize {
            break;
        }
        next = sqlx::query_scalar!(
            r#"SELECT tenant AS "tenant: Uuid" FROM jobs WHERE queue = ? AND state = 'available' AND tenant > ?
               ORDER BY tenant LIMIT 1"#,
            queue,
            tenant
        )
        .fetch_optional(&mut connection)
        .await?;
    }
    Ok(tenants)
}

/// The next jobs of each tenant, at most `each` per tenant, with their place among the tenant's own jobs.
pub async fn heads(db: &Db, queue: &str, tenants: &[Uuid], each: u32) -> Result<Vec<Ticket>, DbError> {
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("");
    let mut parts = query.separated(" UNION ALL ");
    for tenant in tenants {
        parts.push("(SELECT id, tenant, priority FROM jobs WHERE queue = ");
        parts.push_bind_unseparated(queue.to_owned());
        parts.push_unseparated(" AND state = 'available' AND tenant = ");
        parts.push_bind_unseparated(*tenant);
        parts.push_unseparated(" ORDER BY priority, run_at, id LIMIT ");
        parts.push_bind_unseparated(each);
        parts.push_unseparated(")");
    }
    let rows: Vec<(JobId, Uuid, u8)> = query.build_query_as().fetch_all(db.pool()).await?;
    let mut tickets = Vec::with_capacity(rows.len());
    let (mut tenant, mut band, mut rank) = (Uuid::nil(), u8::MAX, 0);
    for (job, of, priority) in rows {
        rank = if (of, priority) == (tenant, band) { rank + 1 } else { 0 };
        (tenant, band) = (of, priority);
        tickets.push(Ticket { job, priority, rank });
    }
    Ok(tickets)
}

/// Makes what is due available: scheduled jobs and those waiting for their retry. At most `limit` at a time;
/// returns how many.
pub async fn promote(db: &Db, limit: u32) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let due = sqlx::query!(
        r#"SELECT id AS "id: JobId", queue, priority, tenant AS "tenant: Uuid" FROM jobs WHERE due_at <= UTC_TIMESTAMP(6)
           ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED"#,
        limit
    )
    .fetch_all(&mut *tx)
    .await?;
    if due.is_empty() {
        return Ok(0);
    }
    let ids = sorted(due.iter().map(|row| row.id).collect());
    let mut update = QueryBuilder::new("UPDATE jobs SET state = 'available' WHERE id IN (");
    push_ids(&mut update, &ids);
    update.push(") AND state IN ('retryable', 'scheduled')");
    let promoted = update.build().execute(&mut *tx).await?.rows_affected();
    for row in due.into_iter().take(NOTICES_AT_MOST) {
        let ticket = Ticket { job: row.id, priority: row.priority, rank: 0 };
        tx.notify(Available { queue: row.queue, ticket, tenant: row.tenant });
    }
    tx.commit().await?;
    Ok(promoted)
}
