//! Has a nano indexed anew once its ratings have changed: once for many changes, since people rate what others have just rated.

use std::time::Duration;

use db::Tx;
use domain::ids::{NanoId, UserId};
use infra::db::nanos;
use queue::{EnqueueError, Job, JobError, Outcome, Queue, Reference, Run, enqueue, enqueue_when_quiet};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Context, IndexNano, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct IndexRated {
    pub nano_id: NanoId,
    pub creator_id: UserId,
}

/// Nobody has rated it for this long,
const QUIET: Duration = Duration::from_secs(5);
/// or the first one to do so has this long ago.
const AT_MOST: Duration = Duration::from_secs(60);

impl Job<Context> for IndexRated {
    const KIND: &'static str = "index_rated";
    const QUEUE: Queue = queues::SEARCH;

    fn tenant(&self) -> Option<Uuid> {
        Some(self.creator_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("nano", self.nano_id)]
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.nano_id.to_string())
    }

    async fn run(&self, context: &Context, _run: &Run) -> Result<Outcome, JobError> {
        let mut tx = context.db.begin().await?;
        let Some(nano) = nanos::lock(&mut tx, self.nano_id).await? else { return Ok(Outcome::Done) };
        if !nano.status.is_public() {
            return Ok(Outcome::Done);
        }
        // Taken here and not by those who rate: whoever takes it locks the nano's row.
        nanos::next_index_version(&mut tx, nano.id).await?;
        enqueue(&mut tx, &IndexNano { nano_id: nano.id, creator_id: nano.creator_id }).await?;
        Ok(Outcome::DoneIn(tx))
    }
}

/// Brings the search index in line with a nano's ratings, some seconds after the transaction has committed.
pub async fn index_ratings(tx: &mut Tx, nano_id: NanoId, creator_id: UserId) -> Result<(), EnqueueError> {
    enqueue_when_quiet(tx, &IndexRated { nano_id, creator_id }, QUIET, AT_MOST).await?;
    Ok(())
}
