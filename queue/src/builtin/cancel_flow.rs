//! Cancels a flow of which a job was given up, when it says that this is what it means: the parent, and what it waits for and
//! has not ended. A job of its own, so that the run that gave up waits for nobody's rows.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Job, JobError, Outcome, Priority, Queue, QueueContext, Run,
    control::act::operate,
    ids::JobId,
    ledger::{Action, By, flow_members},
};

/// Enqueued into the queue of the given-up job's kind, whose workers know it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CancelFlow {
    pub parent: JobId,
    /// The one that was given up.
    pub child: JobId,
}

impl CancelFlow {
    pub const KIND: &'static str = "cancel_flow";
}

impl<C: QueueContext> Job<C> for CancelFlow {
    const KIND: &'static str = Self::KIND;
    const QUEUE: Queue = super::MAINTENANCE;
    const PRIORITY: Priority = Priority::High;

    fn unique_key(&self) -> Option<String> {
        Some(self.parent.to_string())
    }

    async fn run(&self, context: &C, run: &Run) -> Result<Outcome, JobError> {
        // Retried meanwhile: then there is nothing to cancel.
        if !flow_members::misses_children(context.db(), self.parent).await? {
            return Ok(Outcome::Done);
        }
        let reason = format!("job {} of its flow was given up", self.child);
        let mut left = vec![self.parent];
        // Parents first: a flow whose parent has ended asks for nothing any more.
        while let Some(job) = left.pop() {
            let mut tx = run.transaction(context).await?;
            operate(&mut tx, run.registry::<C>()?.kinds(), job, Action::Cancel, &By::system(&reason)).await?;
            tx.commit().await?;
            let mut after = JobId(Uuid::nil());
            loop {
                let children = flow_members::unfinished_children(context.db(), job, after).await?;
                let Some(last) = children.last().copied() else { break };
                after = last;
                left.extend(children);
            }
        }
        Ok(Outcome::Done)
    }
}
