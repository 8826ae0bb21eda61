//! Counts and durations of runs per minute: rollups for percentiles, throughput and counts. Workers write them as
//! deltas, never in a job's transaction; losing one loses statistics, never jobs.

use std::{collections::BTreeMap, fmt::Write};

use db::{Db, DbError, literal};
use sqlx::AssertSqlSafe;

use crate::ledger::stats::histogram::BUCKETS;

/// Rows of one statement. A worker rarely has more between two writes.
const ROWS: usize = 500;

/// What was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// From ready to claimed.
    Wait,
    /// From claimed to the end of the handler.
    Run,
}

impl What {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Run => "run",
        }
    }
}

/// Runs by (queue, kind, outcome). In the order of the key, so that workers that write at the same time never wait for
/// each other in a circle.
pub type Outcomes = BTreeMap<(String, String, String), u64>;
/// Runs by (queue, kind, what, bucket of `crate::ledger::stats::histogram`), in the same way.
pub type Durations = BTreeMap<(String, String, What, u8), u64>;

/// Adds to the current minute of the database's clock.
///
/// After an error that [is undone](DbError::is_undone) nothing of the failed statement was written; what was written before it has
/// been taken out of `outcomes`.
pub async fn add_outcomes(db: &Db, outcomes: &mut Outcomes) -> Result<(), DbError> {
    while let Some(last) = outcomes.keys().nth(ROWS - 1).or_else(|| outcomes.keys().next_back()).cloned() {
        let rows = outcomes.range(..=&last).map(|((queue, kind, outcome), runs)| {
            format!("{},{},{},{runs}", literal::text(queue), literal::text(kind), literal::text(outcome))
        });
        add(db, "job_stats (minute, queue, kind, outcome, runs)", rows).await?;
        *outcomes = outcomes.split_off(&last);
        outcomes.remove(&last);
    }
    Ok(())
}

/// The same for durations.
pub async fn add_durations(db: &Db, durations: &mut Durations) -> Result<(), DbError> {
    while let Some(last) = durations.keys().nth(ROWS - 1).or_else(|| durations.keys().next_back()).cloned() {
        let rows = durations.range(..=&last).map(|((queue, kind, what, bucket), runs)| {
            let bucket = usize::from(*bucket).min(BUCKETS - 1);
            format!("{},{},'{}',{bucket},{runs}", literal::text(queue), literal::text(kind), what.as_str())
        });
        add(db, "job_durations (minute, queue, kind, what, bucket, runs)", rows).await?;
        *durations = durations.split_off(&last);
        durations.remove(&last);
    }
    Ok(())
}

async fn add(db: &Db, table: &str, rows: impl Iterator<Item = String>) -> Result<(), DbError> {
    let mut statement = format!("INSERT INTO {table} VALUES ");
    for (number, row) in rows.enumerate() {
        let comma = if number > 0 { "," } else { "" };
        // Writing into a String cannot fail.
        let _ = write!(statement, "{comma}(DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%d %H:%i:00'),{row})");
    }
    statement.push_str(" ON DUPLICATE KEY UPDATE runs = runs + VALUES(runs)");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(db.pool()).await?;
    Ok(())
}
