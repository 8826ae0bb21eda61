//! The status of queues: jobs in each state, and the wait of the oldest one. Reads only, bounded whatever the backlog.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use db::{Db, DbError, Session, literal};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::ledger::{
    State,
    list::{COUNT_CAP, Total, queues},
};

/// In a long backlog of more tenants than this the oldest job is looked for among the first of them only: each costs a
/// seek for itself and one for each band, and this page has several queues.
const TENANTS: usize = 16;
/// Bands of priority.
const BANDS: std::ops::RangeInclusive<u8> = 0..=4;
/// Nobody waits for what has ended, and there is most of it; how many were given up, and why, is on the page of errors.
const ENDED_CAP: u64 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueStatus {
    pub queue: String,
    /// Every state, each counted to 10,000; those of jobs that have ended to 1,000.
    pub counts: Vec<(State, Total)>,
    /// Since when the first available job could run.
    pub oldest: Option<DateTime<Utc>>,
    /// More than 10,000 jobs of more than 16 owners are available: there may be an older one.
    pub oldest_is_a_guess: bool,
}

/// The queues that have jobs, and those of these names.
pub async fn all(db: &Db, known: &[&str]) -> Result<Vec<QueueStatus>, DbError> {
    let mut connection = db.inspection().acquire().await?;
    let mut names: BTreeSet<String> = queues(&mut connection).await?.into_iter().collect();
    names.extend(known.iter().map(|&name| name.to_owned()));
    let mut list = Vec::with_capacity(names.len());
    for queue in names {
        list.push(one(&mut connection, queue).await?);
    }
    Ok(list)
}

const fn cap(state: State) -> u64 {
    if state.is_terminal() { ENDED_CAP } else { COUNT_CAP }
}

async fn one(connection: &mut Session, queue: String) -> Result<QueueStatus, DbError> {
    let name = literal::text(&queue);
    let parts: Vec<String> = State::ALL
        .iter()
        .map(|state| {
            format!(
                "SELECT COUNT(*) AS n, MIN(run_at) AS oldest FROM (SELECT run_at FROM jobs FORCE INDEX (jobs_feed)
                 WHERE queue = {name} AND state = '{state}' LIMIT {}) counted",
                cap(*state) + 1
            )
        })
        .collect();
    let rows = sqlx::raw_sql(AssertSqlSafe(parts.join(" UNION ALL "))).fetch_all(&mut *connection).await?;
    let (mut counts, mut oldest, mut oldest_is_a_guess) = (Vec::with_capacity(rows.len()), None, false);
    for (state, row) in State::ALL.iter().zip(&rows) {
        let count = row.try_get::<i64, _>("n")?.unsigned_abs();
        let capped = count > cap(*state);
        counts.push((*state, Total { count: count.min(cap(*state)), capped }));
        if *state == State::Available {
            (oldest, oldest_is_a_guess) =
                if capped { first_of_all(connection, &name, TENANTS).await? } else { (row.try_get("oldest")?, false) };
        }
    }
    Ok(QueueStatus { queue, counts, oldest, oldest_is_a_guess })
}

/// The oldest available job among the first of each owner (of the first `most` of them) and band: one index seek each, however long the backlog.
/// (`GROUP BY tenant, priority` reads through the whole of a backlog as the servers plan it.)
pub(super) async fn first_of_all(
    connection: &mut Session,
    queue: &str,
    most: usize,
) -> Result<(Option<DateTime<Utc>>, bool), DbError> {
    let available = format!("FROM jobs FORCE INDEX (jobs_feed) WHERE queue = {queue} AND state = 'available'");
    let mut tenants: Vec<String> = Vec::new();
    let mut next = format!("tenant >= {}", literal::uuid(Uuid::nil()));
    let is_a_guess = loop {
        let statement = format!("SELECT tenant {available} AND {next} ORDER BY tenant LIMIT 1");
        let Some(row) = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_optional(&mut *connection).await? else {
            break false;
        };
        if tenants.len() == most {
            break true;
        }
        let tenant = literal::uuid(row.try_get::<Uuid, _>("tenant")?);
        next = format!("tenant > {tenant}");
        tenants.push(tenant);
    };
    let heads: Vec<String> = tenants
        .iter()
        .flat_map(|tenant| BANDS.map(|band| (tenant.clone(), band)))
        .map(|(tenant, band)| {
            format!("(SELECT run_at {available} AND tenant = {tenant} AND priority = {band} ORDER BY run_at LIMIT 1)")
        })
        .collect();
    if heads.is_empty() {
        return Ok((None, false));
    }
    let statement = format!("SELECT MIN(run_at) AS oldest FROM ({}) heads", heads.join(" UNION ALL "));
    let row = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(connection).await?;
    Ok((row.try_get("oldest")?, is_a_guess))
}
