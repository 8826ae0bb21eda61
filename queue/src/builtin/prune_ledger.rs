//! Deletes what is old from the ledger, in small steps: finished jobs with all that belongs to them, ended workers, groups
//! of failures that no job belongs to, bulk actions, ticks of schedules, alerts that are over.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Job, JobError, Outcome, Priority, Queue, QueueContext, Run,
    control::act::{operate, tell_flow},
    ids::JobId,
    ledger::{self, Action, By, alerts, flows, schedules, workers},
    schedule::Schedule,
};

/// The shortest rest between two steps.
const PAUSE: Duration = Duration::from_millis(10);

/// After so many steps it keeps how far it is.
const STEPS_KEPT: u32 = 50;

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
    let days = context.ledger_days().of_given_up();
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

/// Flows that were not told of a given-up child, since a program of an older build gave it up.
async fn tell_flows<C: QueueContext>(context: &C, run: &Run) -> Result<(), JobError> {
    for child in flows::untold(context.db()).await? {
        let mut tx = run.transaction(context).await?;
        tell_flow(&mut tx, child, super::MAINTENANCE).await?;
        tx.commit().await?;
    }
    Ok(())
}

impl<C: QueueContext> Job<C> for PruneLedger {
    const KIND: &'static str = Self::KIND;
    const QUEUE: Queue = super::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, C>("0 30 3 * * *", "Europe/Berlin").jitter(300));
    const TIMEOUT: Duration = Duration::from_secs(6 * 3600);

    async fn run(&self, context: &C, run: &Run) -> Result<Outcome, JobError> {
        tell_flows(context, run).await?;
        cancel_abandoned(context, run).await?;
        let mut pruned = 0;
        // What an earlier attempt has walked past, it need not look through again.
        let mut last = run.resume(context).await?.unwrap_or(JobId(Uuid::nil()));
        let mut steps = 0_u32;
        while !run.cancelled().is_cancelled() {
            let began = Instant::now();
            let now = context.clock().now();
            let Some(step) = ledger::prune(context.db(), context.ledger_days(), now, last).await? else { break };
            last = step.last;
            pruned += step.jobs as u64;
            run.progress(pruned, None, "jobs deleted");
            steps += 1;
            if steps.is_multiple_of(STEPS_KEPT) {
                run.checkpoint(context, &last).await?;
            }
            // At most half of the time: those who claim come first.
            tokio::time::sleep(began.elapsed().max(PAUSE)).await;
        }
        workers::prune(context.db()).await?;
        let (db, now) = (context.db(), context.clock().now());
        let kept = TimeDelta::days(context.ledger_days().longest().into());
        let (ledger, history) = (now - kept, now - HISTORY.max(kept));
        while ledger::prune_windows(db).await? > 0 && !run.cancelled().is_cancelled() {}
        while ledger::prune_groups(db, ledger).await? > 0 && !run.cancelled().is_cancelled() {}
        for schedule in schedules::list(db).await? {
            while schedules::prune_ticks(db, &schedule.name, history).await? > 0 && !run.cancelled().is_cancelled() {}
        }
        schedules::prune_entries(db, now - DESERTED).await?;
        alerts::prune(db).await?;
        Ok(Outcome::Done)
    }
}
