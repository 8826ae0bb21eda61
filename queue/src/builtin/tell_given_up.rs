//! The hook of a job that was given up while no worker held it, by a person or because too many workers died with it: an
//! upload's step that will not run, a mail that will not go out.

use serde::{Deserialize, Serialize};

use crate::{
    Job, JobError, Outcome, Priority, Queue, QueueContext, Run, ids::JobId, ledger::history::payloads, registry::Call,
};

/// Enqueued into the queue of the job's kind, whose workers know it.
#[derive(Debug, Serialize, Deserialize)]
pub struct TellGivenUp {
    pub job: JobId,
    pub reason: String,
}

impl TellGivenUp {
    pub const KIND: &'static str = "tell_given_up";
}

impl<C: QueueContext> Job<C> for TellGivenUp {
    const KIND: &'static str = Self::KIND;
    const QUEUE: Queue = super::MAINTENANCE;
    const PRIORITY: Priority = Priority::High;

    async fn run(&self, context: &C, run: &Run) -> Result<Outcome, JobError> {
        let mut tx = run.transaction(context).await?;
        // Retried, or pruned, meanwhile: then there is nothing to tell.
        let Some(given_up) = payloads::given_up(&mut tx, self.job).await? else { return Ok(Outcome::Done) };
        let registry = run.registry::<C>()?;
        if let Some(handler) = registry.find(&given_up.kind, given_up.version, &given_up.args) {
            let call = Call { context, version: given_up.version, args: given_up.args };
            handler.given_up(call, &mut tx, &self.reason).await?;
        }
        Ok(Outcome::DoneIn(tx))
    }
}
