//! Begins the erasures whose grace is over, and removes exports that have had their week.

use infra::{db::data_requests, storage::Key};
use queue::{Job, JobError, Level, Outcome, Queue, Run, enqueue, schedule::Schedule};
use serde::{Deserialize, Serialize};

use super::ErasePerson;
use crate::{Context, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TendDataRequests {}

impl Job<Context> for TendDataRequests {
    const KIND: &'static str = "tend_data_requests";
    const QUEUE: Queue = queues::MAINTENANCE;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, Context>("0 40 * * * *", "UTC").jitter(60));

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let now = context.clock.now();
        let mut removed = 0_u64;
        loop {
            let expired = data_requests::expired(&context.db, now).await?;
            if expired.is_empty() || run.cancelled().is_cancelled() {
                break;
            }
            for export in expired {
                context.storage.erase(Key::export(export).as_str()).await?;
                let mut tx = run.transaction(context).await?;
                data_requests::expire(&mut tx, export).await?;
                tx.commit().await?;
                removed += 1;
            }
        }
        // The longest waiting; with more of them the next hour takes up the rest. One that is under way is not begun twice.
        let due = data_requests::due(&context.db, now).await?;
        let mut tx = run.transaction(context).await?;
        for request in &due {
            enqueue(&mut tx, &ErasePerson { request_id: request.id }).await?;
        }
        tx.commit().await?;
        if removed > 0 || !due.is_empty() {
            let fields = [("exports removed", removed.into()), ("erasures", due.len().into())];
            run.log(Level::Info, "tended data requests", &fields);
        }
        Ok(Outcome::Done)
    }
}
