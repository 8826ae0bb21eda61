//! The log lines of runs, for operators. The writer bounds their number and length.

use chrono::{DateTime, Utc};
use db::{Db, DbError};
use serde_json::Value;
use sqlx::{QueryBuilder, types::Json};

use crate::ids::JobId;

words::words! {
    /// How much a line matters.
    pub enum Level ("log level") {
        Debug = "debug",
        Info = "info",
        Warn = "warn",
        Error = "error",
    } or Unknown = "unknown"
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// From 1 within its run.
    pub seq: u16,
    pub at: DateTime<Utc>,
    pub level: Level,
    pub message: String,
    /// An object.
    pub fields: Option<Value>,
}

/// Writes lines of one run; lines that were written before stay as they are. Run numbers before `oldest` are
/// forgotten.
pub async fn write(db: &Db, job: JobId, run: u32, oldest: u32, lines: &[LogLine]) -> Result<(), DbError> {
    if lines.is_empty() {
        return Ok(());
    }
    if oldest > 0 {
        sqlx::query!("DELETE FROM job_logs WHERE job_id = ? AND run < ?", job, oldest).execute(db.pool()).await?;
    }
    let mut insert = QueryBuilder::new("INSERT INTO job_logs (job_id, run, seq, at, level, message, fields) ");
    insert.push_values(lines, |mut row, line| {
        row.push_bind(job)
            .push_bind(run)
            .push_bind(line.seq)
            .push_bind(line.at)
            .push_bind(line.level)
            .push_bind(&line.message)
            .push_bind(line.fields.as_ref().map(Json));
    });
    insert.push(" ON DUPLICATE KEY UPDATE seq = VALUES(seq)");
    insert.build().execute(db.pool()).await?;
    Ok(())
}

/// A job's lines with the number of their run, in the order they were said; at most the newest 1,000.
pub async fn by_job(db: &Db, job: JobId) -> Result<Vec<(u32, LogLine)>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT run, seq, at AS "at: DateTime<Utc>", level AS "level: Level", message, fields AS "fields: Json<Value>"
           FROM job_logs WHERE job_id = ? ORDER BY run DESC, seq DESC LIMIT 1000"#,
        job
    )
    .fetch_all(db.pool())
    .await?;
    let lines = rows.into_iter().rev().map(|row| {
        let fields = row.fields.map(|fields| fields.0);
        (row.run, LogLine { seq: row.seq, at: row.at, level: row.level, message: row.message, fields })
    });
    Ok(lines.collect())
}
