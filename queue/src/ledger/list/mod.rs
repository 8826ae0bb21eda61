//! Lists of jobs for those who look after the ledger: filtered, newest first, by keyset.
//!
//! Whatever the ledger's size, no request looks at more than a bounded number of rows. The narrowest index drives
//! (`plan`); what it cannot decide is checked inside a window of `WINDOW` of its entries. When the window ends
//! before the page is full, the page is [`Page::partial`] and its cursor goes on behind the window.

mod branch;
mod cursor;
mod fingerprint;
mod plan;

use chrono::{DateTime, Utc};
use db::{Db, DbError, Session, literal};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{
        JobRow, SELECT, State,
        list::{
            branch::Direction,
            plan::{Found, Plan},
        },
        rescue::first_id_of,
    },
};

pub use cursor::{Cursor, CursorError};
pub use fingerprint::{Fingerprint, FingerprintError};
pub(crate) use plan::queues;

/// Totals beyond this are not counted.
pub const COUNT_CAP: u64 = 10_000;
/// Jobs that a filter may name one by one.
pub const IDS_MAX: usize = 1_000;
/// Entries of the driving index that one request checks at most, when the index alone does not decide.
pub const WINDOW: u64 = 10_000;

/// Which jobs. Absent fields do not filter; those that are there must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Any of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The owner; nil for the system's own work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Uuid>,
    /// A reference that the job declared, as `nano` and an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<(String, Uuid)>,
    /// The cause of its newest failure, unless it has completed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Created at this time or later, by the millisecond in the job's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Created before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Only of these; at most [`IDS_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<JobId>,
}

impl Filter {
    /// True when it lets every job through.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a named job matches. What it is about stands in no row of it, so a filter by that matches none.
    fn fits(&self, job: &JobRow) -> bool {
        (self.states.is_empty() || self.states.contains(&job.state))
            && self.kind.as_ref().is_none_or(|kind| job.kind == *kind)
            && self.queue.as_ref().is_none_or(|queue| job.queue == *queue)
            && self.tenant.is_none_or(|tenant| job.tenant == tenant)
            && self.fingerprint.is_none_or(|fingerprint| job.fingerprint == Some(fingerprint))
            && self.reference.is_none()
    }

    /// The ids that the times leave.
    fn range(&self) -> Range {
        let low = self.since.map_or(0, |since| first_id_of(since).as_u128());
        let high = self.until.map_or(u128::MAX, |until| first_id_of(until).as_u128().saturating_sub(1));
        Range { low, high }
    }
}

/// Ids from `low` to `high`, both included; none when `low > high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    low: u128,
    high: u128,
}

impl Range {
    const fn is_empty(self) -> bool {
        self.low > self.high
    }

    const fn has(self, id: Uuid) -> bool {
        self.low <= id.as_u128() && id.as_u128() <= self.high
    }

    /// What is left behind `id`, on the way in this direction.
    fn behind(self, id: Uuid, direction: Direction) -> Self {
        match (direction, id.as_u128()) {
            (Direction::NewestFirst, 0) | (Direction::OldestFirst, u128::MAX) => Self { low: 1, high: 0 },
            (Direction::NewestFirst, id) => Self { high: self.high.min(id - 1), ..self },
            (Direction::OldestFirst, id) => Self { low: self.low.max(id + 1), ..self },
        }
    }

    /// What lies on the way up to `id`, which is included.
    fn up_to(self, id: Uuid, direction: Direction) -> Self {
        match direction {
            Direction::NewestFirst => Self { low: self.low.max(id.as_u128()), ..self },
            Direction::OldestFirst => Self { high: self.high.min(id.as_u128()), ..self },
        }
    }
}

/// How many jobs match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// At most [`COUNT_CAP`].
    pub count: u64,
    /// There may be more: beyond the cap, or beyond the window of a filter that no index decides.
    pub capped: bool,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub jobs: Vec<JobRow>,
    /// As it was at the first page.
    pub total: Total,
    /// Where the next page begins; none at the end.
    pub next: Option<Cursor>,
    /// The window ended before the page was full: the search goes on at `next`.
    pub partial: bool,
}

/// The jobs behind `cursor`, newest first. Looks only where the cursor belongs to the same filter.
pub async fn page(db: &Db, filter: &Filter, cursor: Option<&Cursor>, limit: u32) -> Result<Page, DbError> {
    let direction = Direction::NewestFirst;
    let range = cursor.map_or(filter.range(), |cursor| filter.range().behind(cursor.last, direction));
    let mut connection = db.inspection().acquire().await?;
    if !filter.ids.is_empty() {
        let all = named(&mut connection, filter, filter.range()).await?;
        let total = Total { count: all.len() as u64, capped: false };
        let mut jobs: Vec<JobRow> = all.into_iter().rev().filter(|job| range.has(job.id.0)).collect();
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let last = jobs.last().filter(|_| more);
        let next = last.map(|job| Cursor { last: job.id.0, total, filter: cursor::mark(filter) });
        return Ok(Page { jobs, total, next, partial: false });
    }
    let plan = Plan::choose(&mut connection, filter, range, direction).await?;
    let (Found { ids, next, partial }, total) = match cursor {
        Some(cursor) => (plan.find(&mut connection, limit).await?, cursor.total),
        None => plan.find_and_count(&mut connection, limit).await?,
    };
    let mut jobs = rows(&mut connection, &ids).await?;
    jobs.sort_unstable_by_key(|job| std::cmp::Reverse(job.id));
    let next = next.map(|last| Cursor { last, total, filter: cursor::mark(filter) });
    Ok(Page { jobs, total, next, partial })
}

/// How many jobs match.
pub async fn count(db: &Db, filter: &Filter) -> Result<Total, DbError> {
    let mut connection = db.inspection().acquire().await?;
    if !filter.ids.is_empty() {
        let all = named(&mut connection, filter, filter.range()).await?;
        return Ok(Total { count: all.len() as u64, capped: false });
    }
    let plan = Plan::choose(&mut connection, filter, filter.range(), Direction::NewestFirst).await?;
    plan.total(&mut connection).await
}

/// One step through the matching jobs, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// May be empty although the search goes on.
    pub ids: Vec<JobId>,
    /// Where the next step begins; none at the end.
    pub next: Option<JobId>,
}

/// The first matching jobs behind `after` and up to `until`, oldest first.
pub async fn step(db: &Db, filter: &Filter, after: JobId, until: JobId, limit: u32) -> Result<Step, DbError> {
    let direction = Direction::OldestFirst;
    let range = filter.range().behind(after.0, direction).up_to(until.0, direction);
    let mut connection = db.inspection().acquire().await?;
    if !filter.ids.is_empty() {
        let mut ids: Vec<JobId> = named(&mut connection, filter, range).await?.into_iter().map(|job| job.id).collect();
        let more = ids.len() > limit as usize;
        ids.truncate(limit as usize);
        return Ok(Step { next: ids.last().copied().filter(|_| more), ids });
    }
    let plan = Plan::choose(&mut connection, filter, range, direction).await?;
    let found = plan.find(&mut connection, limit).await?;
    Ok(Step { ids: found.ids, next: found.next.map(JobId) })
}

/// Those of the named jobs that match and are in the range, oldest first.
async fn named(connection: &mut Session, filter: &Filter, range: Range) -> Result<Vec<JobRow>, DbError> {
    let ids: Vec<JobId> = filter.ids.iter().copied().filter(|id| range.has(id.0)).take(IDS_MAX).collect();
    let mut jobs = rows(connection, &ids).await?;
    jobs.retain(|job| filter.fits(job));
    jobs.sort_unstable_by_key(|job| job.id);
    Ok(jobs)
}

async fn rows(connection: &mut Session, ids: &[JobId]) -> Result<Vec<JobRow>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let statement = format!("{SELECT} WHERE j.id IN ({})", literal::ids(ids));
    let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(connection).await?;
    Ok(rows.iter().map(JobRow::from_row).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_its_json_and_refuses_strangers() {
        let filter = Filter {
            states: vec![State::Discarded, State::Retryable],
            reference: Some(("nano".into(), Uuid::nil())),
            fingerprint: Some(Fingerprint([7; 16])),
            ..Filter::default()
        };
        let json = serde_json::to_value(&filter).unwrap();
        assert_eq!(serde_json::from_value::<Filter>(json).unwrap(), filter);
        assert!(serde_json::from_value::<Filter>(serde_json::json!({"colour": "red"})).is_err());
        assert!(serde_json::from_value::<Filter>(serde_json::json!({})).unwrap().is_empty());
    }

    #[test]
    fn ranges_leave_out_what_was_seen() {
        let all = Filter::default().range();
        let id = Uuid::from_u128(5);
        assert_eq!(all.behind(id, Direction::NewestFirst), Range { low: 0, high: 4 });
        assert_eq!(all.behind(id, Direction::OldestFirst), Range { low: 6, high: u128::MAX });
        assert!(all.behind(Uuid::nil(), Direction::NewestFirst).is_empty());
        assert!(all.behind(Uuid::max(), Direction::OldestFirst).is_empty());
        assert_eq!(all.up_to(id, Direction::OldestFirst), Range { low: 0, high: 5 });
    }
}
