//! Jobs' arguments as they lie in the ledger.

use db::{DbError, Tx};
use serde_json::Value;
use sqlx::types::Json;

use crate::ids::JobId;

/// A job that was cancelled or discarded.
#[derive(Clone, Debug)]
pub struct GivenUp {
    pub kind: String,
    pub version: u16,
    pub args: Value,
}

/// The job, if it is cancelled, discarded or quarantined just now; its row stays locked.
pub async fn given_up(tx: &mut Tx, job: JobId) -> Result<Option<GivenUp>, DbError> {
    let row = sqlx::query!(
        r#"SELECT j.kind, j.args_version, p.args AS "args: Json<Value>"
           FROM jobs j JOIN job_payloads p ON p.job_id = j.id
           WHERE j.id = ? AND j.state IN ('cancelled', 'discarded', 'quarantined') FOR UPDATE"#,
        job
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| GivenUp { kind: row.kind, version: row.args_version, args: row.args.0 }))
}
