//! The last success of each schedule, kept with the entry: the job that it was is deleted before a monthly one runs again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use db::{Db, DbError};
use sqlx::QueryBuilder;

use super::Schedule;

/// The newest ticks of an entry whose jobs are looked at. One that ticks every second is behind by less.
const TICKS: u32 = 200;

/// Looks for completed jobs of these entries' newest ticks, those asked for by hand among them, and writes down what is newer
/// than what is known. Sets [`Schedule::last_success_at`].
pub async fn note_successes(db: &Db, schedules: &mut [Schedule]) -> Result<(), DbError> {
    if schedules.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("SELECT t.entry, MAX(j.finished_at) FROM (");
    let mut parts = query.separated(" UNION ALL ");
    for schedule in &*schedules {
        parts.push("(SELECT entry, job_id FROM cron_ticks WHERE entry = ");
        parts.push_bind_unseparated(schedule.name.clone());
        parts.push_unseparated(" ORDER BY due DESC LIMIT ");
        parts.push_bind_unseparated(TICKS);
        parts.push_unseparated(")");
    }
    query.push(") AS t JOIN jobs j ON j.id = t.job_id WHERE j.state = 'completed' GROUP BY t.entry");
    let found: Vec<(String, Option<DateTime<Utc>>)> = query.build_query_as().fetch_all(db.pool()).await?;
    let found: BTreeMap<String, DateTime<Utc>> = found.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
    for schedule in schedules {
        let Some(&at) =
            found.get(&schedule.name).filter(|at| schedule.last_success_at.is_none_or(|known| known < **at))
        else {
            continue;
        };
        sqlx::query!(
            "UPDATE cron_entries SET last_success_at = ?
             WHERE name = ? AND (last_success_at IS NULL OR last_success_at < ?)",
            at,
            schedule.name,
            at
        )
        .execute(db.pool())
        .await?;
        schedule.last_success_at = Some(at);
    }
    Ok(())
}
