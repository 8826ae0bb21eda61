//! Deletes what is old from the ledger, in small steps: finished jobs with all that belongs to them, ended workers, groups
//! of failures that no job belongs to, bulk actions, ticks of schedules, alerts that are over.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Job, JobError, Outcome, Priority, Queue, QueueContext, Run,
    control::act::operate,
    ids::JobId,
    ledger::{self, Action, By, alerts, flows, schedules, workers},
    schedule::Schedule,
};

/// The shortest rest between two steps.
const PAUSE: Duration = Duration::from_millis(10);

/// Ticks of schedules are kept for so long; the newest 20 of each for ever.
const HISTORY: TimeDelta = TimeDelta::days(90);
/// Schedules that no scheduler has had for so long are forgotten.
const DESERTED: TimeDelta = TimeDelta::days(30);

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PruneLedger {}

impl PruneLedger {
    pub const KIND: &'static str = "prune_ledger";
}

/// A parent whose children were given up as long ago as jobs are kept will never run: it is cancelled, and goes with them.
async fn cancel_abandoned<C: QueueContext>(context: &C, run: &Run) -> Result<(), JobError> {
    let days = context.ledger_days();
    let reason = format!("a job it waits for was given up more than {days} days ago, and nobody retried it");
    loop {
        let abandoned = flows::abandoned(context.db(), days).await?;
        if abandoned.is_empty() || run.cancelled().is_cancelled() {
            return Ok(());
        }
        for parent in abandoned {
            let mut tx = run.transaction(context).await?;
            operate(&mut tx, run.registry::<C>()?.kinds(), parent, Action::Cancel, &By::system(&reason)).await?;
            tx.commit().await?;
        }
    }
}

impl<C: QueueContext> Job<C> for PruneLedger {
    const KIND: &'static str = Self::KIND;
    const QUEUE: Queue = super::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, C>("0 30 3 * * *", "Europe/Berlin").jitter(300));
    const TIMEOUT: Duration = Duration::from_secs(6 * 3600);

    async fn run(&self, context: &C, run: &Run) -> Result<Outcome, JobError> {
        cancel_abandoned(context, run).await?;
        let mut pruned = 0;
        let mut last = JobId(Uuid::nil());
        while !run.cancelled().is_cancelled() {
            let began = Instant::now();
            let now = context.clock().now();
            let Some(step) = ledger::prune(context.db(), context.ledger_days(), now, last).await? else { break };
            last = step.last;
            pruned += step.jobs as u64;
            run.progress(pruned, None, "jobs deleted");
            // At most half of the time: those who claim come first.
            tokio::time::sleep(began.elapsed().max(PAUSE)).await;
        }
        workers::prune(context.db()).await?;
        let (db, now) = (context.db(), context.clock().now());
        let ledger = now - TimeDelta::days(context.ledger_days().into());
        let history = now - HISTORY.max(TimeDelta::days(context.ledger_days().into()));
        while ledger::prune_groups(db, ledger).await? > 0 && !run.cancelled().is_cancelled() {}
        for schedule in schedules::list(db).await? {
            while schedules::prune_ticks(db, &schedule.name, history).await? > 0 && !run.cancelled().is_cancelled() {}
        }
        schedules::prune_entries(db, now - DESERTED).await?;
        alerts::prune(db).await?;
        Ok(Outcome::Done)
    }
}
