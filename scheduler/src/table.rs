//! The cron table: what runs when. Adding an entry is one line in [`entries`].

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use cron::Schedule;
use domain::ids::JobId;
use futures::future::BoxFuture;
use infra::db::Tx;
use jobs::{EnqueueError, ExpireUploads, Job, PruneLedger, enqueue};

/// One periodic job.
pub struct Entry {
    /// Stable: the entry's memory in the database goes by it.
    pub name: &'static str,
    /// Seconds, minutes, hours, day of month, month, day of week.
    pub expression: &'static str,
    /// Where the expression's times are meant.
    pub zone: Tz,
    schedule: Schedule,
    enqueue: for<'a> fn(&'a mut Tx) -> BoxFuture<'a, Result<JobId, EnqueueError>>,
}

/// A table that makes no sense; the scheduler does not start with one.
#[derive(Debug, thiserror::Error)]
#[error("cron entry {name}: {expression:?} is no cron expression: {cause}")]
pub struct BadEntry {
    name: &'static str,
    expression: &'static str,
    cause: String,
}

/// The whole table.
pub fn entries() -> Result<Vec<Entry>, BadEntry> {
    Ok(vec![
        entry("expire_uploads", "0 */10 * * * *", chrono_tz::UTC, |tx| run(tx, ExpireUploads {}))?,
        entry("prune_ledger", "0 30 3 * * *", chrono_tz::Europe::Berlin, |tx| run(tx, PruneLedger {}))?,
    ])
}

fn run<J: Job>(tx: &mut Tx, job: J) -> BoxFuture<'_, Result<JobId, EnqueueError>> {
    Box::pin(async move { enqueue(tx, &job).await })
}

fn entry(
    name: &'static str,
    expression: &'static str,
    zone: Tz,
    enqueue: for<'a> fn(&'a mut Tx) -> BoxFuture<'a, Result<JobId, EnqueueError>>,
) -> Result<Entry, BadEntry> {
    let schedule = expression.parse().map_err(|error: cron::error::Error| BadEntry {
        name,
        expression,
        cause: error.to_string(),
    })?;
    Ok(Entry { name, expression, zone, schedule, enqueue })
}

/// Ticks looked back over at most when a scheduler was away for long.
const CATCH_UP: usize = 10_000;

impl Entry {
    /// The newest tick after `last` that is due by `now`. Ticks missed before it are run once, by it.
    pub fn due(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.schedule
            .after(&last.with_timezone(&self.zone))
            .take(CATCH_UP)
            .map(|tick| tick.with_timezone(&Utc))
            .take_while(|tick| *tick <= now)
            .last()
    }

    /// Enqueues the entry's job.
    pub fn enqueue<'a>(&self, tx: &'a mut Tx) -> BoxFuture<'a, Result<JobId, EnqueueError>> {
        (self.enqueue)(tx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_makes_sense_and_names_are_unique() {
        let entries = entries().unwrap();
        let mut names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), entries.len());
    }

    #[test]
    fn missed_ticks_run_once() {
        let entry = entry("test", "0 */10 * * * *", chrono_tz::UTC, |tx| run(tx, ExpireUploads {})).unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(entry.due(at("2026-11-22T10:00:00Z"), at("2026-11-22T10:09:59Z")), None);
        assert_eq!(entry.due(at("2026-11-22T10:00:00Z"), at("2026-11-22T10:45:00Z")), Some(at("2026-11-22T10:40:00Z")));
    }

    #[test]
    fn nonsense_is_named() {
        let error = entry("test", "every full moon", chrono_tz::UTC, |tx| run(tx, ExpireUploads {})).err().unwrap();
        assert!(error.to_string().contains("every full moon"), "{error}");
    }
}
