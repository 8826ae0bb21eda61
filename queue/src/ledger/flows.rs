//! Flows: a parent that waits until all its children have completed.
//!
//! A child that is given up holds the parent until it is retried, so that nothing is published on half the evidence; unless
//! its flow says that it means something else.

use db::{Db, DbError, Tx};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    ids::{FlowId, JobId},
    ledger::push_ids,
    ready::{Available, Ticket},
};

words::words! {
    /// What it means for a flow that one of its jobs is given up: discarded, cancelled or quarantined.
    pub enum OnGivenUp ("meaning of a given-up child") {
        /// The parent waits until somebody retries it.
        Hold = "hold",
        /// The parent and what of the flow has not ended are cancelled.
        Cancel = "cancel",
        /// It counts as done; the parent can ask [`Run::given_up_children`](crate::Run::given_up_children) for it.
        Continue = "continue",
    }
}

/// Writes a flow of `children` jobs that releases `parent`.
pub async fn insert(
    tx: &mut Tx,
    id: FlowId,
    parent: JobId,
    children: u32,
    on_given_up: OnGivenUp,
) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO flows (id, parent_id, pending, on_given_up, created_at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))",
        id,
        parent,
        children,
        on_given_up
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A child was given up: what its flow says to that. `Cancel` is answered with the parent that a job of its own is to cancel,
/// since a run that ends must not wait for its siblings' rows.
pub(crate) async fn child_given_up(tx: &mut Tx, child: JobId) -> Result<Option<JobId>, DbError> {
    let flow = sqlx::query!(
        r#"SELECT f.id AS "id: FlowId", f.parent_id AS "parent: JobId", f.on_given_up AS "meaning: OnGivenUp"
           FROM jobs j JOIN flows f ON f.id = j.flow_id JOIN jobs p ON p.id = f.parent_id
           JOIN flow_children c ON c.flow_id = f.id AND c.job_id = j.id AND NOT c.done
           WHERE j.id = ? AND j.state IN ('cancelled', 'discarded', 'quarantined')
             AND (f.on_given_up = 'continue' OR (f.on_given_up = 'cancel' AND p.state = 'waiting'))"#,
        child
    )
    .fetch_optional(&mut **tx)
    .await?;
    match flow {
        Some(flow) if flow.meaning == OnGivenUp::Continue => {
            count(tx, flow.id, child, true).await?;
            Ok(None)
        }
        Some(flow) => Ok(Some(flow.parent)),
        None => Ok(None),
    }
}

/// Counts a child's completion, once however often it completes; whoever reads 0 releases the parent.
pub(crate) async fn child_completed(tx: &mut Tx, flow: FlowId, child: JobId) -> Result<(), DbError> {
    count(tx, flow, child, false).await
}

/// The row lock of the update makes it exactly one who reads 0: with a plain count, two last children each saw the other
/// still running.
async fn count(tx: &mut Tx, flow: FlowId, child: JobId, given_up: bool) -> Result<(), DbError> {
    let counted = sqlx::query!(
        "UPDATE flow_children c JOIN flows f ON f.id = c.flow_id SET c.done = TRUE, c.given_up = ?, f.pending = f.pending - 1
         WHERE c.flow_id = ? AND c.job_id = ? AND NOT c.done AND f.pending > 0",
        given_up,
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

/// Children that were given up by programs that tell no flow, of an older build, where their flow does not hold; at most 100.
pub async fn untold(db: &Db) -> Result<Vec<JobId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT c.job_id AS "child: JobId" FROM jobs p
           JOIN flows f ON f.parent_id = p.id AND f.on_given_up <> 'hold' AND f.pending > 0
           JOIN flow_children c ON c.flow_id = f.id AND NOT c.done
           JOIN jobs j ON j.id = c.job_id AND j.state IN ('cancelled', 'discarded', 'quarantined')
           WHERE p.state = 'waiting' AND j.finished_at < UTC_TIMESTAMP(6) - INTERVAL 1 HOUR LIMIT 100"#
    )
    .fetch_all(db.pool())
    .await?)
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
