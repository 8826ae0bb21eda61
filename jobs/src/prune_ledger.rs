//! Deletes what is old from the ledger, in small steps: finished jobs with all that belongs to them, ended workers, groups
//! of failures that no job belongs to, bulk actions, ticks of schedules.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::ids::JobId;
use infra::db::{cron, jobs, stored_objects, workers};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Context, Job, JobError, Outcome, Priority, Queue, Run};

/// The shortest rest between two steps.
const PAUSE: Duration = Duration::from_millis(10);

/// Ticks of schedules are kept for so long; the newest 20 of each for ever.
const HISTORY: TimeDelta = TimeDelta::days(90);
/// Schedules that no scheduler has had for so long are forgotten.
const DESERTED: TimeDelta = TimeDelta::days(30);
/// Reports about the object store.
const REPORTS: TimeDelta = TimeDelta::days(400);

#[derive(Debug, Serialize, Deserialize)]
pub struct PruneLedger {}

impl Job for PruneLedger {
    const KIND: &'static str = "prune_ledger";
    const QUEUE: Queue = Queue::Maintenance;
    const PRIORITY: Priority = Priority::Bulk;
    const TIMEOUT: Duration = Duration::from_secs(6 * 3600);

    fn unique_key(&self) -> Option<String> {
        Some(String::new())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let mut pruned = 0;
        let mut last = JobId(Uuid::nil());
        while !run.cancelled().is_cancelled() {
            let began = Instant::now();
            let now = context.clock.now();
            let Some(step) = jobs::prune(&context.db, context.settings.ledger_days, now, last).await? else { break };
            last = step.last;
            pruned += step.jobs as u64;
            run.progress(pruned, None, "jobs deleted");
            // At most half of the time: those who claim come first.
            tokio::time::sleep(began.elapsed().max(PAUSE)).await;
        }
        workers::prune(&context.db).await?;
        let (db, now) = (&context.db, context.clock.now());
        let ledger = now - TimeDelta::days(context.settings.ledger_days.into());
        let history = now - HISTORY.max(TimeDelta::days(context.settings.ledger_days.into()));
        while jobs::prune_groups(db, ledger).await? > 0 && !run.cancelled().is_cancelled() {}
        for schedule in cron::list(db).await? {
            while cron::prune_ticks(db, &schedule.name, history).await? > 0 && !run.cancelled().is_cancelled() {}
        }
        cron::prune_entries(db, now - DESERTED).await?;
        stored_objects::prune_reports(db, now - REPORTS).await?;
        Ok(Outcome::Done)
    }
}
