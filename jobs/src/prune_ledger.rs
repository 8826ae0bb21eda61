//! Deletes finished jobs and ended workers from the ledger once they are old, in small steps.

use infra::db::{jobs, workers};
use serde::{Deserialize, Serialize};

use crate::{Context, Job, JobError, Outcome, Priority, Queue, Run};

#[derive(Debug, Serialize, Deserialize)]
pub struct PruneLedger {}

impl Job for PruneLedger {
    const KIND: &'static str = "prune_ledger";
    const QUEUE: Queue = Queue::Maintenance;
    const PRIORITY: Priority = Priority::Bulk;

    fn unique_key(&self) -> Option<String> {
        Some(String::new())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let mut pruned = 0;
        loop {
            let step = jobs::prune(&context.db, context.settings.ledger_days).await?;
            pruned += step;
            run.progress(pruned, None, "jobs deleted");
            if step == 0 || run.cancelled().is_cancelled() {
                break;
            }
        }
        workers::prune(&context.db).await?;
        Ok(Outcome::Done)
    }
}
