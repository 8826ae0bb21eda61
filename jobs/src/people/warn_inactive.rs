//! Finds accounts that nobody has used for a long time, and tells their owners that they end: a request for erasure whose grace
//! ends with the term. Whoever signs in takes it back by that.

use chrono::TimeDelta;
use domain::{
    audit::Entry,
    data_request::{Cause, GRACE},
};
use infra::db::{audit_log, data_requests, users};
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Run, schedule::Schedule};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ask_erasure;
use crate::{Context, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct WarnInactive {}

impl Job<Context> for WarnInactive {
    const KIND: &'static str = "warn_inactive";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> =
        Some(Schedule::new::<Self, Context>("0 30 9 * * *", "Europe/Berlin").jitter(300));

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let days = context.settings.periodic.inactive_days;
        if days == 0 {
            return Ok(Outcome::Done);
        }
        let now = context.clock.now();
        let before = now + GRACE - TimeDelta::days(days.into());
        let mut told = 0_u64;
        while !run.cancelled().is_cancelled() {
            let mut tx = run.transaction(context).await?;
            let found = data_requests::lock_inactive(&mut tx, before, now).await?;
            let mut entries = Vec::new();
            for id in &found {
                let Some(user) = users::get_in(&mut tx, *id).await? else { continue };
                let site = &context.settings.public_url;
                ask_erasure(&mut tx, &user, Cause::Inactivity, site, now).await?;
                entries.push(Entry::by_system("user.inactive", "user", Some(id.0), json!({}), now));
            }
            // The end of the log's chain is locked last.
            for entry in &entries {
                audit_log::append(&mut tx, entry).await?;
            }
            tx.commit().await?;
            if found.is_empty() {
                break;
            }
            told += found.len() as u64;
            run.progress(told, None, "telling owners of unused accounts");
        }
        if told > 0 {
            run.log(Level::Info, "owners of unused accounts were told", &[("people", told.into())]);
        }
        Ok(Outcome::Done)
    }
}
