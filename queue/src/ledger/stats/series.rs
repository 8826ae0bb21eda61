//! Time series of runs and durations, from the rollups per minute and never from the jobs themselves. Reads only.

use chrono::{DateTime, Utc};
use db::{Db, DbError};
use sqlx::{FromRow, QueryBuilder};

words::words! {
    /// How much time a point of a series covers.
    pub enum Step ("step") {
        Minute = "minute",
        Hour = "hour",
    }
}

words::words! {
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The step's beginning.
    pub at: DateTime<Utc>,
    /// Of the split; empty without one.
    pub name: String,
    pub runs: u64,
}

/// `TO_SECONDS('1970-01-01')`.
const EPOCH: i64 = 62_167_219_200;

/// Runs that ended, by time and by `split`, in the order of time. The caller bounds the range.
pub async fn series(db: &Db, filter: &Filter, step: Step, split: Option<Split>) -> Result<Vec<Point>, DbError> {
    let seconds: i64 = match step {
        Step::Minute => 60,
        Step::Hour => 3_600,
    };
    // Whole numbers: the cheapest that both servers can group by.
    let mut query = QueryBuilder::new(format!("SELECT CAST(TO_SECONDS(minute) DIV {seconds} AS SIGNED) AS step, "));
    query
        .push(split.map_or("''", Split::as_str))
        .push(" AS name, CAST(SUM(runs) AS UNSIGNED) AS runs FROM job_stats WHERE minute >= ");
    narrow(&mut query, filter);
    if let Some(outcome) = &filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome.clone());
    }
    query.push(" GROUP BY step, name");
    let mut rows: Vec<(i64, String, u64)> = query.build_query_as().fetch_all(db.inspection()).await?;
    rows.sort_unstable();
    let points = rows.into_iter().filter_map(|(step, name, runs)| {
        Some(Point { at: DateTime::from_timestamp(step * seconds - EPOCH, 0)?, name, runs })
    });
    Ok(points.collect())
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

/// How many waits or runs were as long as a bucket of [`crate::ledger::stats::histogram`].
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
