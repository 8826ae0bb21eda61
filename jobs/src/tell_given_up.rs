//! Tells the domain that a job was given up while no worker held it, by a person or because too many workers died with it:
//! an upload's step that will not run, a mail that will not go out.

use domain::ids::JobId;
use infra::db::job_payloads;
use serde::{Deserialize, Serialize};

use crate::{Context, Job, JobError, Outcome, Priority, Queue, Registry, Run};

#[derive(Debug, Serialize, Deserialize)]
pub struct TellGivenUp {
    pub job: JobId,
    pub reason: String,
}

impl Job for TellGivenUp {
    const KIND: &'static str = "tell_given_up";
    const QUEUE: Queue = Queue::Uploads;
    const PRIORITY: Priority = Priority::High;

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let mut tx = run.transaction(context).await?;
        // Retried, or pruned, meanwhile: then there is nothing to tell.
        let Some(given_up) = job_payloads::given_up(&mut tx, self.job).await? else { return Ok(Outcome::Done) };
        let registry = Registry::all();
        if let Some(handler) = registry.find(&given_up.kind, given_up.version, &given_up.args) {
            handler.discarded(given_up.version, given_up.args, context, &mut tx, &self.reason).await?;
        }
        Ok(Outcome::DoneIn(tx))
    }
}
