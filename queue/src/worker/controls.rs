//! The controls: pauses, limits, cancels and drain, as operators ask them of a worker; read every quarter of a second while it runs
//! anything.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use db::{Db, DbError};
use tokio_util::sync::CancellationToken;

use crate::{
    ids::WorkerId,
    ledger::controls::{self, Restrictions},
    worker::{progress::Loop, running::RunningJobs},
};

const LOOK: Duration = Duration::from_millis(250);
/// While nothing runs here and nothing is paused, only a request to drain could be heard: a claim notices new pauses and limits by
/// itself.
const AT_REST: Duration = Duration::from_secs(2);

/// The pauses and limits this worker knows. A claim that goes by old ones takes nothing.
#[derive(Default)]
pub(super) struct KnownControls {
    restrictions: RwLock<Arc<Restrictions>>,
}

impl KnownControls {
    pub(super) fn restrictions(&self) -> Arc<Restrictions> {
        self.restrictions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_paused(&self, queue: &str) -> bool {
        let restrictions = self.restrictions();
        restrictions.all_paused || restrictions.paused_queues.contains(queue)
    }

    /// Reads pauses and limits anew; true when they had changed.
    pub(super) async fn refresh(&self, db: &Db) -> Result<bool, DbError> {
        if controls::epoch(db).await? == self.restrictions().epoch {
            return Ok(false);
        }
        let fresh = controls::load(db).await?;
        let mut known = self.restrictions.write().unwrap_or_else(PoisonError::into_inner);
        let changed = known.epoch != fresh.epoch;
        if changed {
            tracing::info!(
                all_paused = fresh.all_paused,
                paused_queues = ?fresh.paused_queues,
                paused_kinds = ?fresh.paused_kinds,
                limits = fresh.limits.len(),
                "pauses and limits"
            );
            *known = Arc::new(fresh);
        }
        Ok(changed)
    }

    /// Follows the controls until `stop`. `drain` is cancelled when the worker is asked to end.
    pub(super) async fn follow(
        &self,
        db: &Db,
        worker: WorkerId,
        running: &RunningJobs,
        progress: &Arc<Loop>,
        drain: &CancellationToken,
        stop: &CancellationToken,
    ) {
        loop {
            let round = progress.begin();
            let asked = controls::asked_of(db, worker).await;
            round.ended(&asked);
            match asked {
                Ok(asked) => {
                    if asked.epoch != self.restrictions().epoch
                        && let Err(error) = self.refresh(db).await
                    {
                        tracing::debug!(%error, "pauses and limits are read again later");
                    }
                    for (job, run, reason) in &asked.cancels {
                        running.ask_to_stop(*job, *run, reason);
                    }
                    if let Some(reason) = asked.drain
                        && !drain.is_cancelled()
                    {
                        tracing::info!(reason, "asked to finish what runs here and end");
                        drain.cancel();
                    }
                }
                // Nothing is claimed meanwhile either.
                Err(error) => tracing::debug!(%error, "controls are asked for again later"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            // What is paused is to go on at once when somebody resumes it.
            if running.len() == 0 && !self.restrictions().pauses() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = running.begun() => {}
                    () = tokio::time::sleep(AT_REST - LOOK) => {}
                }
            }
        }
    }
}
