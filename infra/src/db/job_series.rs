//! What ran, from the rollups per minute: never from the jobs themselves. Reads only.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, QueryBuilder};

use super::{Db, DbError};

domain::words! {
    /// How much time a point of a series covers.
    pub enum Step ("step") {
        Minute = "minute",
        Hour = "hour",
    }
}

domain::words! {
    /// What tells the lines of a series apart.
    pub enum Split ("split") {
        Queue = "queue",
        Kind = "kind",
        Outcome = "outcome",
    }
}

/// Which runs. Absent fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub queue: Option<String>,
    pub kind: Option<String>,
    pub outcome: Option<String>,
    /// From this minute on.
    pub since: DateTime<Utc>,
    /// Before this minute.
    pub until: DateTime<Utc>,
}

/// Runs that ended within one step.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Point {
    /// The step's beginning.
    pub at: DateTime<Utc>,
    /// Of the split; empty without one.
    pub name: String,
    pub runs: u64,
}

/// Runs that ended, by time and by `split`. The caller bounds the range.
pub async fn series(db: &Db, filter: &Filter, step: Step, split: Option<Split>) -> Result<Vec<Point>, DbError> {
    let at = match step {
        Step::Minute => "minute",
        Step::Hour => "CAST(DATE_FORMAT(minute, '%Y-%m-%d %H:00:00') AS DATETIME)",
    };
    let name = split.map_or("''", Split::as_str);
    let mut query = QueryBuilder::new("SELECT ");
    query
        .push(at)
        .push(" AS at, ")
        .push(name)
        .push(" AS name, CAST(SUM(runs) AS UNSIGNED) AS runs FROM job_stats WHERE minute >= ");
    narrow(&mut query, filter);
    if let Some(outcome) = &filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome.clone());
    }
    query.push(" GROUP BY 1, 2 ORDER BY 1, 2");
    let rows: Vec<(chrono::NaiveDateTime, String, u64)> = query.build_query_as().fetch_all(db.inspection()).await?;
    Ok(rows.into_iter().map(|(at, name, runs)| Point { at: at.and_utc(), name, runs }).collect())
}

/// Runs of a queue that ended so.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Ended {
    pub queue: String,
    pub outcome: String,
    pub runs: u64,
}

/// Runs that ended by queue and outcome. The caller bounds the range.
pub async fn by_queue(db: &Db, filter: &Filter) -> Result<Vec<Ended>, DbError> {
    let mut query =
        QueryBuilder::new("SELECT queue, outcome, CAST(SUM(runs) AS UNSIGNED) AS runs FROM job_stats WHERE minute >= ");
    narrow(&mut query, filter);
    query.push(" GROUP BY queue, outcome");
    Ok(query.build_query_as().fetch_all(db.inspection()).await?)
}

/// How many waits or runs were as long as a bucket of [`domain::histogram`].
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Duration {
    pub queue: String,
    /// `wait` or `run`.
    pub what: String,
    pub bucket: u8,
    pub runs: u64,
}

/// Durations of a time by queue. The caller bounds the range.
pub async fn durations(db: &Db, filter: &Filter) -> Result<Vec<Duration>, DbError> {
    let mut query = QueryBuilder::new(
        "SELECT queue, what, bucket, CAST(SUM(runs) AS UNSIGNED) AS runs FROM job_durations WHERE minute >= ",
    );
    narrow(&mut query, filter);
    query.push(" GROUP BY queue, what, bucket");
    Ok(query.build_query_as().fetch_all(db.inspection()).await?)
}

fn narrow(query: &mut QueryBuilder<sqlx::MySql>, filter: &Filter) {
    query.push_bind(filter.since.naive_utc()).push(" AND minute < ").push_bind(filter.until.naive_utc());
    if let Some(queue) = &filter.queue {
        query.push(" AND queue = ").push_bind(queue.clone());
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind.clone());
    }
}
