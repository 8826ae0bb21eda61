//! What operators want of this worker: asked every quarter of a second.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::ids::WorkerId;
use infra::db::{
    Db, DbError,
    queue_controls::{self, Controls},
};
use tokio_util::sync::CancellationToken;

use super::held::Held;

const LOOK: Duration = Duration::from_millis(250);

/// The pauses and limits this worker knows. A claim that goes by old ones takes nothing.
#[derive(Default)]
pub(super) struct Orders {
    controls: RwLock<Arc<Controls>>,
}

impl Orders {
    pub(super) fn controls(&self) -> Arc<Controls> {
        self.controls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_paused(&self, queue: &str) -> bool {
        self.controls().paused_queues.contains(queue)
    }

    /// Reads pauses and limits anew; true when they had changed.
    pub(super) async fn refresh(&self, db: &Db) -> Result<bool, DbError> {
        if queue_controls::epoch(db).await? == self.controls().epoch {
            return Ok(false);
        }
        let fresh = queue_controls::load(db).await?;
        let mut known = self.controls.write().unwrap_or_else(PoisonError::into_inner);
        let changed = known.epoch != fresh.epoch;
        if changed {
            tracing::info!(
                paused_queues = ?fresh.paused_queues,
                paused_kinds = ?fresh.paused_kinds,
                limits = fresh.limits.len(),
                "pauses and limits"
            );
            *known = Arc::new(fresh);
        }
        Ok(changed)
    }

    /// Follows the orders until `stop`. `drain` is cancelled when the worker is asked to end.
    pub(super) async fn follow(
        &self,
        db: &Db,
        worker: WorkerId,
        held: &Held,
        drain: &CancellationToken,
        stop: &CancellationToken,
    ) {
        loop {
            match queue_controls::orders(db, worker).await {
                Ok(orders) => {
                    if orders.epoch != self.controls().epoch
                        && let Err(error) = self.refresh(db).await
                    {
                        tracing::debug!(%error, "pauses and limits are read again later");
                    }
                    for (job, reason) in &orders.cancels {
                        held.ask_to_stop(*job, reason);
                    }
                    if let Some(reason) = orders.drain
                        && !drain.is_cancelled()
                    {
                        tracing::info!(reason, "asked to finish what runs here and end");
                        drain.cancel();
                    }
                }
                // Nothing is claimed meanwhile either.
                Err(error) => tracing::debug!(%error, "orders are asked for again later"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
