//! Jobs' arguments as they lie in the ledger.

use db::{Db, DbError, Tx};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::ids::JobId;

/// Arguments with the version of their shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    pub job: JobId,
    pub version: u16,
    pub args: Value,
}

/// The arguments of every job of a kind that has not ended, oldest first; at most 1,000.
pub async fn unfinished_of_kind(db: &Db, kind: &str) -> Result<Vec<Arguments>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT j.id AS "id: Uuid", j.args_version, p.args AS "args: Json<Value>"
           FROM jobs j JOIN job_payloads p ON p.job_id = j.id
           WHERE j.kind = ? AND j.state NOT IN ('completed', 'cancelled', 'discarded', 'quarantined')
           ORDER BY j.id LIMIT 1000"#,
        kind
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Arguments { job: JobId(row.id), version: row.args_version, args: row.args.0 })
        .collect())
}

/// Repairs arguments that no build can read, by hand; the job has to be retried afterwards.
pub async fn replace(tx: &mut Tx, job: JobId, args: &Value) -> Result<(), DbError> {
    sqlx::query!("UPDATE job_payloads SET args = ? WHERE job_id = ?", Json(args), job.0).execute(&mut **tx).await?;
    Ok(())
}

/// A job that was cancelled or discarded.
#[derive(Clone, Debug)]
pub struct GivenUp {
    pub kind: String,
    pub version: u16,
    pub args: Value,
}

/// The job, if it is cancelled, discarded or quarantined just now; its row stays locked.
pub async fn given_up(tx: &mut Tx, job: JobId) -> Result<Option<GivenUp>, DbError> {
    let row: Option<(String, u16, Json<Value>)> = sqlx::query_as(
        "SELECT j.kind, j.args_version, p.args FROM jobs j JOIN job_payloads p ON p.job_id = j.id
         WHERE j.id = ? AND j.state IN ('cancelled', 'discarded', 'quarantined') FOR UPDATE",
    )
    .bind(job.0)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|(kind, version, args)| GivenUp { kind, version, args: args.0 }))
}
