//! Minutes of the queue's statistics become hours after two days, and go after 90.

use chrono::TimeDelta;
use infra::db::job_rollups;
use serde::{Deserialize, Serialize};

use crate::{Context, Job, JobError, Level, Outcome, Priority, Queue, Run};

#[derive(Debug, Serialize, Deserialize)]
pub struct RollUpStats {}

/// Minutes are kept for so long.
const MINUTES: TimeDelta = TimeDelta::hours(48);
/// And hours.
const HOURS: TimeDelta = TimeDelta::days(90);

impl Job for RollUpStats {
    const KIND: &'static str = "roll_up_stats";
    const QUEUE: Queue = Queue::Maintenance;
    const PRIORITY: Priority = Priority::Low;

    fn unique_key(&self) -> Option<String> {
        Some(String::new())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let now = context.clock.now();
        let mut rows = 0;
        if let Some(mut hour) = job_rollups::first_unfolded(&context.db, now - MINUTES).await? {
            // Whole hours: none is folded while minutes are still being added to it.
            while hour + TimeDelta::hours(1) <= now - MINUTES && !run.cancelled().is_cancelled() {
                let mut tx = run.transaction(context).await?;
                rows += job_rollups::fold_hour(&mut tx, hour).await?;
                tx.commit().await?;
                hour += TimeDelta::hours(1);
                run.progress(rows, None, "rows folded");
            }
        }
        let mut pruned = 0;
        while !run.cancelled().is_cancelled() {
            let step = job_rollups::prune(&context.db, now - HOURS).await?;
            pruned += step;
            if step == 0 {
                break;
            }
        }
        if rows + pruned > 0 {
            run.log(Level::Info, "statistics rolled up", &[("folded", rows.into()), ("deleted", pruned.into())]);
        }
        Ok(Outcome::Done)
    }
}
