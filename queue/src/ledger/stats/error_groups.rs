//! Failures of one cause as a group: what it is, since when, and how many jobs it holds up. Reads only.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, Utc};
use db::{Db, DbError, Session, literal};
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder, Row, mysql::MySqlRow};

use crate::{
    ids::JobId,
    ledger::list::{COUNT_CAP, CursorError, Fingerprint, Total},
};

/// Failures with the same fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Group {
    pub fingerprint: Fingerprint,
    pub kind: String,
    pub class: String,
    /// Of the newest failure.
    pub message: String,
    /// Failed runs since it was first seen.
    pub failures: u64,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// Of the workers.
    pub first_version: String,
    pub last_version: String,
    pub last_job: JobId,
    /// Jobs that it made give up and that nobody has retried.
    #[sqlx(skip)]
    pub open: Total,
    /// Jobs that it holds up and that will run again.
    #[sqlx(skip)]
    pub retrying: Total,
}

/// Which groups. Absent fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub kind: Option<String>,
    pub class: Option<String>,
    pub fingerprint: Option<Fingerprint>,
    /// Last seen at this time or later.
    pub since: Option<DateTime<Utc>>,
}

/// The last group of a page: by the time it was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub last_seen: DateTime<Utc>,
    pub fingerprint: Fingerprint,
}

/// Microseconds and fingerprint, under a version.
const PLACE_VERSION: u8 = 1;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![PLACE_VERSION];
        bytes.extend_from_slice(&self.last_seen.timestamp_micros().to_be_bytes());
        bytes.extend_from_slice(&self.fingerprint.0);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Place {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let [PLACE_VERSION, rest @ ..] = bytes.as_slice() else { return Err(CursorError) };
        let (micros, fingerprint) = rest.split_first_chunk::<8>().ok_or(CursorError)?;
        let last_seen = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros)).ok_or(CursorError)?;
        // Other years than a column can hold were never given out.
        if !(1970..=9999).contains(&last_seen.year()) {
            return Err(CursorError);
        }
        let fingerprint = fingerprint.try_into().map_err(|_| CursorError)?;
        Ok(Self { last_seen, fingerprint: Fingerprint(fingerprint) })
    }
}

/// The groups behind `after`, last seen first, and how many match in all. A group that is seen again meanwhile moves
/// to the front.
pub async fn page(db: &Db, filter: &Filter, after: Option<Place>, limit: u32) -> Result<(Vec<Group>, Total), DbError> {
    let mut connection = db.inspection().acquire().await?;
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM job_errors WHERE TRUE");
    narrow(&mut query, filter);
    query.push(" LIMIT ").push_bind(COUNT_CAP + 1).push(") counted");
    let count: i64 = query.build_query_scalar().fetch_one(&mut connection).await?;
    let count = count.unsigned_abs();

    let mut query = QueryBuilder::new(
        "SELECT fingerprint, kind, class, message, failures, first_seen, last_seen, first_version, last_version, last_job
         FROM job_errors WHERE TRUE",
    );
    narrow(&mut query, filter);
    if let Some(after) = after {
        query
            .push(" AND last_seen <= ")
            .push_bind(after.last_seen)
            .push(" AND (last_seen < ")
            .push_bind(after.last_seen)
            .push(" OR fingerprint < ")
            .push_bind(after.fingerprint)
            .push(")");
    }
    query.push(" ORDER BY last_seen DESC, fingerprint DESC LIMIT ").push_bind(limit);
    let mut groups: Vec<Group> = query.build_query_as().fetch_all(&mut connection).await?;
    count_jobs(&mut connection, &mut groups).await?;
    Ok((groups, Total { count: count.min(COUNT_CAP), capped: count > COUNT_CAP }))
}

fn narrow(query: &mut QueryBuilder<sqlx::MySql>, filter: &Filter) {
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind.clone());
    }
    if let Some(class) = &filter.class {
        query.push(" AND class = ").push_bind(class.clone());
    }
    if let Some(fingerprint) = filter.fingerprint {
        query.push(" AND fingerprint = ").push_bind(fingerprint);
    }
    if let Some(since) = filter.since {
        query.push(" AND last_seen >= ").push_bind(since);
    }
}

/// Two capped counts a group, a few groups to a statement.
async fn count_jobs(connection: &mut Session, groups: &mut [Group]) -> Result<(), DbError> {
    for groups in groups.chunks_mut(10) {
        let counts = groups.iter().flat_map(|group| {
            let fingerprint = literal::binary(&group.fingerprint.0);
            [1, 0].map(|given_up| {
                format!(
                    "SELECT COUNT(*) AS n FROM (SELECT 1 FROM job_failures WHERE fingerprint = {fingerprint}
                     AND given_up = {given_up} LIMIT {}) counted",
                    COUNT_CAP + 1
                )
            })
        });
        let statement = counts.collect::<Vec<_>>().join(" UNION ALL ");
        let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(&mut *connection).await?;
        for (group, counts) in groups.iter_mut().zip(rows.chunks(2)) {
            let total = |row: &MySqlRow| -> Result<Total, DbError> {
                let count = row.try_get::<i64, _>("n")?.unsigned_abs();
                Ok(Total { count: count.min(COUNT_CAP), capped: count > COUNT_CAP })
            };
            if let [open, retrying] = counts {
                (group.open, group.retrying) = (total(open)?, total(retrying)?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_text_and_anything_else_is_refused() {
        let place = Place {
            last_seen: DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap(),
            fingerprint: Fingerprint([9; 16]),
        };
        let text = place.to_string();
        assert_eq!(text.parse(), Ok(place));
        let far = Place { last_seen: DateTime::<Utc>::MAX_UTC, ..place }.to_string();
        for bad in ["", "AQ", "%%%", &far, &text[1..], &format!("{text}AAAA"), &format!("Ag{}", &text[2..])] {
            assert_eq!(bad.parse::<Place>(), Err(CursorError), "{bad}");
        }
    }
}
