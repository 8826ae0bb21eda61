//! Flows: a parent that waits until all its children have completed.
//!
//! A child that is discarded or cancelled holds the parent until it is retried, so that nothing is published on
//! half the evidence.

use db::{Db, DbError, Tx};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    ids::{FlowId, JobId},
    ledger::push_ids,
    ready::{Available, Ticket},
};

/// Writes a flow of `children` jobs that releases `parent`.
pub async fn insert(tx: &mut Tx, id: FlowId, parent: JobId, children: u32) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO flows (id, parent_id, pending, created_at) VALUES (?, ?, ?, UTC_TIMESTAMP(6))",
        id,
        parent,
        children
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Counts a child's completion, once however often it completes; whoever reads 0 releases the parent. The row lock of the
/// update makes that exactly one: with a plain count, two last children each saw the other still running.
pub(crate) async fn child_completed(tx: &mut Tx, flow: FlowId, child: JobId) -> Result<(), DbError> {
    let counted = sqlx::query!(
        "UPDATE flow_children c JOIN flows f ON f.id = c.flow_id SET c.done = TRUE, f.pending = f.pending - 1
         WHERE c.flow_id = ? AND c.job_id = ? AND NOT c.done AND f.pending > 0",
        flow,
        child
    )
    .execute(&mut **tx)
    .await?;
    if counted.rows_affected() == 0 {
        return Ok(());
    }
    let row = sqlx::query!(r#"SELECT parent_id AS "parent: JobId", pending FROM flows WHERE id = ? FOR UPDATE"#, flow)
        .fetch_optional(&mut **tx)
        .await?;
    let Some(row) = row else { return Ok(()) };
    if row.pending > 0 {
        return Ok(());
    }
    let parent = row.parent;
    let released = sqlx::query!(
        "UPDATE jobs SET state = 'available', run_at = UTC_TIMESTAMP(6) WHERE id = ? AND state = 'waiting'",
        parent
    )
    .execute(&mut **tx)
    .await?;
    if released.rows_affected() == 1 {
        let row = sqlx::query!(r#"SELECT queue, priority, tenant AS "tenant: Uuid" FROM jobs WHERE id = ?"#, parent)
            .fetch_one(&mut **tx)
            .await?;
        let ticket = Ticket { job: parent, priority: row.priority, rank: 0 };
        tx.notify(Available { queue: row.queue, ticket, tenant: row.tenant });
    }
    Ok(())
}

/// Parents that wait for nothing but children that were given up more than `days` ago, and that nobody has retried since;
/// at most 100.
pub async fn abandoned(db: &Db, days: u32) -> Result<Vec<JobId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT f.parent_id AS "parent: JobId" FROM flows f JOIN jobs p ON p.id = f.parent_id AND p.state = 'waiting'
           WHERE f.pending > 0 AND f.created_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY AND NOT EXISTS (
             SELECT 1 FROM flow_children c JOIN jobs j ON j.id = c.job_id
             WHERE c.flow_id = f.id AND NOT c.done
               AND (j.state NOT IN ('cancelled', 'discarded', 'quarantined')
                    OR j.finished_at >= UTC_TIMESTAMP(6) - INTERVAL ? DAY))
           LIMIT 100"#,
        days,
        days
    )
    .fetch_all(db.pool())
    .await?)
}

/// The job and everything it waits for, children before parents. Looks no further once there are more than `limit`.
pub async fn subtree(db: &Db, root: JobId, limit: usize) -> Result<Vec<JobId>, DbError> {
    let (mut found, mut level) = (vec![root], vec![root]);
    while !level.is_empty() && found.len() <= limit {
        let mut children = QueryBuilder::new(
            "SELECT c.job_id FROM flows f JOIN flow_children c ON c.flow_id = f.id WHERE f.parent_id IN (",
        );
        push_ids(&mut children, &level);
        children.push(") ORDER BY c.job_id LIMIT ").push_bind((limit + 1 - found.len()) as u64);
        level = children.build_query_scalar().fetch_all(db.pool()).await?;
        found.extend(&level);
    }
    found.reverse();
    Ok(found)
}
