//! The timeline of one job: its arguments, its references, and the actions of people on it. Reads only.

use chrono::{DateTime, Utc};
use db::{Db, DbError, decode::word};
use serde_json::Value;
use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{Action, State},
};

/// What somebody did to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub action: Action,
    /// Nobody: the system.
    pub actor: Option<Uuid>,
    pub reason: String,
    pub before: State,
    pub after: State,
    pub at: DateTime<Utc>,
}

/// A running job was asked to stop.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StopRequest {
    pub reason: String,
    #[sqlx(rename = "actor_id")]
    pub actor: Option<Uuid>,
    #[sqlx(rename = "created_at")]
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct Story {
    /// None when the job has no arguments, which no handler accepts.
    pub args: Option<Value>,
    /// Type and id.
    pub references: Vec<(String, Uuid)>,
    /// The newest 100, oldest first.
    pub actions: Vec<Done>,
    pub stop_request: Option<StopRequest>,
}

pub async fn of(db: &Db, job: JobId) -> Result<Story, DbError> {
    #[derive(FromRow)]
    struct Row {
        action: String,
        actor_id: Option<Uuid>,
        reason: String,
        before_state: String,
        after_state: String,
        created_at: DateTime<Utc>,
    }
    let mut connection = db.inspection().acquire().await?;
    let args: Option<Json<Value>> = sqlx::query_scalar("SELECT args FROM job_payloads WHERE job_id = ?")
        .bind(job.0)
        .fetch_optional(&mut *connection)
        .await?;
    let references =
        sqlx::query_as("SELECT ref_type, ref_id FROM job_refs WHERE job_id = ? ORDER BY ref_type, ref_id LIMIT 100")
            .bind(job.0)
            .fetch_all(&mut *connection)
            .await?;
    let actions: Vec<Row> = sqlx::query_as(
        "SELECT action, actor_id, reason, before_state, after_state, created_at FROM job_actions WHERE job_id = ?
         ORDER BY id DESC LIMIT 100",
    )
    .bind(job.0)
    .fetch_all(&mut *connection)
    .await?;
    let stop_request = sqlx::query_as("SELECT reason, actor_id, created_at FROM job_cancels WHERE job_id = ?")
        .bind(job.0)
        .fetch_optional(&mut *connection)
        .await?;
    let actions = actions.into_iter().rev().map(|row| {
        Ok(Done {
            action: word(&row.action)?,
            actor: row.actor_id,
            reason: row.reason,
            before: word(&row.before_state)?,
            after: word(&row.after_state)?,
            at: row.created_at,
        })
    });
    let actions = actions.collect::<Result<_, DbError>>()?;
    Ok(Story { args: args.map(|args| args.0), references, actions, stop_request })
}
