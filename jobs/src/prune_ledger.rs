//! Deletes finished jobs and ended workers from the ledger once they are old, in small steps.

use std::time::{Duration, Instant};

use domain::ids::JobId;
use infra::db::{jobs, workers};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Context, Job, JobError, Outcome, Priority, Queue, Run};

/// The shortest rest between two steps.
const PAUSE: Duration = Duration::from_millis(10);

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
        Ok(Outcome::Done)
    }
}
