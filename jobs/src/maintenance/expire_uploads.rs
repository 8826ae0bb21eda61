//! Lets go of uploads that nobody finished in time, and of multipart uploads whose process died.

use std::time::Duration;

use domain::upload::UploadState;
use infra::db::uploads;
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Run, enqueue, schedule::Schedule};
use serde::{Deserialize, Serialize};

use crate::{Context, RemoveObject, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ExpireUploads {}

/// Uploads per transaction.
const STEP: u32 = 100;
/// A multipart upload older than this belongs to nobody: no request lasts as long.
const MULTIPART_AGE: Duration = Duration::from_secs(24 * 60 * 60);

impl Job<Context> for ExpireUploads {
    const KIND: &'static str = "expire_uploads";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Low;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, Context>("0 */10 * * * *", "UTC").jitter(30));

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let mut expired = 0;
        loop {
            let now = context.clock.now();
            let mut tx = run.transaction(context).await?;
            let batch = uploads::lock_expired(&mut tx, now, STEP).await?;
            for upload in &batch {
                uploads::set_state(&mut tx, upload.id, UploadState::Expired, now).await?;
                enqueue(&mut tx, &RemoveObject { key: upload.object_key.clone() }).await?;
            }
            tx.commit().await?;
            expired += batch.len() as u64;
            run.progress(expired, None, "expiring uploads");
            if batch.len() < STEP as usize || run.cancelled().is_cancelled() {
                break;
            }
        }
        let aborted = context.storage.abort_multiparts_older_than(MULTIPART_AGE).await?;
        if expired > 0 || aborted > 0 {
            let fields = [("uploads", expired.into()), ("multiparts", aborted.into())];
            run.log(Level::Info, "let go of unfinished uploads", &fields);
        }
        Ok(Outcome::Done)
    }
}
