//! The head of the ledger: which available jobs are next, tenant by tenant, and which become available now.

use std::collections::BTreeSet;

use db::{Db, DbError, Pool, Session};
use sqlx::{FromRow, MySql, QueryBuilder};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{NOTICES_AT_MOST, push_ids, sorted},
    ready::{Available, Ticket},
};

/// Reads of one look. A tenant with a long backlog takes one, a hundred tenants with a few jobs each share one.
const READS: u32 = 64;
/// Rows of one read, at least and at most, where `each` asks for no more.
const ROWS: (u32, u32) = (128, 1_024);

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// By tenant, in each tenant's own order.
    pub tickets: Vec<Ticket>,
    /// Whose they are.
    pub tenants: u32,
    /// Behind which tenant the next look goes on; `None` when this one came to the end.
    pub next: Option<Uuid>,
}

/// The next jobs of the tenants behind `after`, at most `each` per tenant, with their place among the tenant's own jobs of
/// their band. Ends once there are `enough`, or after 64 reads.
pub async fn head(pool: &Pool, queue: &str, after: Uuid, each: u32, enough: u32) -> Result<Head, DbError> {
    let mut connection = pool.acquire().await?;
    let (mut head, mut at, mut rows_at_most) = (Head::default(), after, ROWS.0.max(each.saturating_add(1)));
    // The system's own work has the nil tenant, which nothing comes before.
    let mut at_least = after.is_nil();
    for _ in 0..READS {
        let rows = read(&mut connection, queue, at, at_least, rows_at_most).await?;
        let full = rows.len() == rows_at_most as usize;
        let mut backlogs: Vec<&[Row]> = rows.chunk_by(|one, other| one.tenant == other.tenant).collect();
        // The last one may be longer than what was read of it: the next read begins with it again.
        if full && backlogs.len() > 1 && backlogs.last().is_some_and(|last| last.len() < each as usize) {
            backlogs.pop();
        }
        for backlog in &backlogs {
            head.add(&backlog[..backlog.len().min(each as usize)]);
        }
        head.next = backlogs.last().and_then(|backlog| backlog.first()).map(|row| row.tenant).filter(|_| full);
        match head.next {
            Some(next) if head.tickets.len() < enough as usize => (at, at_least) = (next, false),
            _ => break,
        }
        // Short backlogs share a read, long ones waste it.
        let most = each.saturating_add(1);
        rows_at_most = if backlogs.len() > 1 { (rows_at_most * 2).min(ROWS.1.max(most)) } else { most };
    }
    Ok(head)
}

#[derive(FromRow)]
struct Row {
    id: JobId,
    tenant: Uuid,
    priority: u8,
}

impl Head {
    /// Adds the jobs of one tenant, in their order.
    fn add(&mut self, backlog: &[Row]) {
        self.tenants += 1;
        for band in backlog.chunk_by(|one, other| one.priority == other.priority) {
            let tickets = (0..).zip(band).map(|(rank, row)| Ticket { job: row.id, priority: row.priority, rank });
            self.tickets.extend(tickets);
        }
    }
}

/// Those of the queues in which jobs are available.
pub async fn waiting_in(db: &Db, queues: &[&'static str]) -> Result<BTreeSet<&'static str>, DbError> {
    if queues.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut query = QueryBuilder::<MySql>::new("");
    for (place, queue) in queues.iter().enumerate() {
        query.push(if place == 0 { "(" } else { " UNION ALL (" });
        query.push("SELECT queue FROM jobs FORCE INDEX (jobs_feed) WHERE state = 'available' AND queue = ");
        query.push_bind(*queue).push(" LIMIT 1)");
    }
    let found: Vec<String> = query.build_query_scalar().fetch_all(db.looks()).await?;
    Ok(queues.iter().copied().filter(|queue| found.iter().any(|name| name == queue)).collect())
}

async fn read(
    connection: &mut Session,
    queue: &str,
    tenant: Uuid,
    at_least: bool,
    rows: u32,
) -> Result<Vec<Row>, DbError> {
    let mut query = QueryBuilder::new(
        "SELECT id, tenant, priority FROM jobs FORCE INDEX (jobs_feed) WHERE state = 'available' AND queue = ",
    );
    query.push_bind(queue.to_owned()).push(if at_least { " AND tenant >= " } else { " AND tenant > " });
    query.push_bind(tenant).push(" ORDER BY tenant, priority, run_at, id LIMIT ").push_bind(rows);
    Ok(query.build_query_as().fetch_all(&mut *connection).await?)
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

/// Makes what is due available: scheduled jobs and those waiting for their retry. At most `limit` at a time;
/// returns how many.
pub async fn promote(db: &Db, limit: u32) -> Result<u64, DbError> {
    // Four times a second, and mostly for nothing.
    let due = sqlx::query_scalar!("SELECT id FROM jobs WHERE due_at <= UTC_TIMESTAMP(6) ORDER BY due_at LIMIT 1");
    if due.fetch_optional(db.pool()).await?.is_none() {
        return Ok(0);
    }
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
