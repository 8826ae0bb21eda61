//! Removes one object from storage: enqueued in the transaction in which the last row lets go of it.

use infra::storage::Key;
use queue::{Job, JobError, Outcome, Queue, RetryPolicy, Run};
use serde::{Deserialize, Serialize};

use crate::{Context, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveObject {
    pub key: String,
}

impl Job<Context> for RemoveObject {
    const KIND: &'static str = "remove_object";
    const QUEUE: Queue = queues::MAINTENANCE;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 20, ..RetryPolicy::DEFAULT };

    async fn run(&self, context: &Context, _run: &Run) -> Result<Outcome, JobError> {
        let key: Key = self.key.parse().map_err(|error| JobError::Discard(anyhow::anyhow!("{error}")))?;
        context.storage.delete(&key).await?;
        Ok(Outcome::Done)
    }
}
