//! The timeline of one job: its arguments, its references, and the actions of people on it. Reads only.

use chrono::{DateTime, Utc};
use db::{Db, DbError};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{ids::JobId, ledger::State};

words::words! {
    /// What people do to a job.
    pub enum Deed ("deed") {
        Retry = "retry",
        Cancel = "cancel",
        Discard = "discard",
        Rerun = "rerun",
        /// Of its time, its priority or its queue.
        Change = "change",
    } or Unknown = "unknown"
}

/// What somebody did to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub action: Deed,
    /// Nobody: the system.
    pub actor: Option<Uuid>,
    pub reason: String,
    pub before: State,
    pub after: State,
    pub at: DateTime<Utc>,
    /// Of a change: `before` and `after`.
    pub details: Option<Json<Value>>,
}

/// A running job was asked to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopRequest {
    pub reason: String,
    pub actor: Option<Uuid>,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct Timeline {
    /// None when the job has no arguments, which no handler accepts.
    pub args: Option<Value>,
    /// Type and id.
    pub references: Vec<(String, Uuid)>,
    /// The newest 100, oldest first.
    pub actions: Vec<Done>,
    pub stop_request: Option<StopRequest>,
}

pub async fn of(db: &Db, job: JobId) -> Result<Timeline, DbError> {
    let mut connection = db.inspection().acquire().await?;
    let args = sqlx::query_scalar!(r#"SELECT args AS "args: Json<Value>" FROM job_payloads WHERE job_id = ?"#, job)
        .fetch_optional(&mut connection)
        .await?;
    let references = sqlx::query!(
        r#"SELECT ref_type, ref_id AS "ref_id: Uuid" FROM job_refs WHERE job_id = ?
           ORDER BY ref_type, ref_id LIMIT 100"#,
        job
    )
    .fetch_all(&mut connection)
    .await?;
    let mut actions = sqlx::query_as!(
        Done,
        r#"SELECT action AS "action: Deed", actor_id AS "actor: Uuid", reason, before_state AS "before: State",
                  after_state AS "after: State", created_at AS "at: DateTime<Utc>",
                  details AS "details: Json<Value>"
           FROM job_actions WHERE job_id = ? ORDER BY id DESC LIMIT 100"#,
        job
    )
    .fetch_all(&mut connection)
    .await?;
    actions.reverse();
    let stop_request = sqlx::query_as!(
        StopRequest,
        r#"SELECT reason, actor_id AS "actor: Uuid", created_at AS "at: DateTime<Utc>"
           FROM job_cancels WHERE job_id = ?"#,
        job
    )
    .fetch_optional(&mut connection)
    .await?;
    let references = references.into_iter().map(|row| (row.ref_type, row.ref_id)).collect();
    Ok(Timeline { args: args.map(|args| args.0), references, actions, stop_request })
}
