//! Minutes of the queue's statistics become hours after two days, and go after 90.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{
    Job, JobError, Level, Outcome, Priority, Queue, QueueContext, Run, ledger::stats::rollups, schedule::Schedule,
};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RollUpStats {}

/// Minutes are kept for so long.
const MINUTES: TimeDelta = TimeDelta::hours(48);
/// And hours.
const HOURS: TimeDelta = TimeDelta::days(90);

impl RollUpStats {
    pub const KIND: &'static str = "roll_up_stats";
}

impl<C: QueueContext> Job<C> for RollUpStats {
    const KIND: &'static str = Self::KIND;
    const QUEUE: Queue = super::MAINTENANCE;
    const PRIORITY: Priority = Priority::Low;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, C>("0 20 * * * *", "UTC").jitter(60));

    async fn run(&self, context: &C, run: &Run) -> Result<Outcome, JobError> {
        let now = context.clock().now();
        let mut rows = 0;
        if let Some(mut hour) = rollups::first_unfolded(context.db(), now - MINUTES).await? {
            // Whole hours: none is folded while minutes are still being added to it.
            while hour + TimeDelta::hours(1) <= now - MINUTES && !run.cancelled().is_cancelled() {
                let mut tx = run.transaction(context).await?;
                rows += rollups::fold_hour(&mut tx, hour).await?;
                tx.commit().await?;
                hour += TimeDelta::hours(1);
                run.progress(rows, None, "rows folded");
            }
        }
        let mut pruned = 0;
        while !run.cancelled().is_cancelled() {
            let step = rollups::prune(context.db(), now - HOURS).await?;
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
