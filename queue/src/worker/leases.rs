//! The leases this worker holds on work that one worker does for the whole fleet: dispatching a queue, and rescuing.
//!
//! Leases are only an optimisation. Everything done under one may safely be done by several workers at once.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use db::Db;
use tokio_util::sync::CancellationToken;

use crate::{
    Queue,
    ids::WorkerId,
    ledger::{leases, workers},
    worker::running::RunningJobs,
};

const INTERVAL: Duration = Duration::from_secs(1);
/// While this worker holds none and runs nothing.
const AT_REST: Duration = Duration::from_secs(3);
/// The name of the rescuer's lease in `queue_leases`, as workers of older builds know it.
const RESCUE: &str = "sweep";

/// The leases that this worker holds, by name.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashSet<String>>);

impl Leases {
    /// Whether this worker dispatches the queue for all.
    pub(super) fn dispatches(&self, queue: Queue) -> bool {
        self.lock().contains(&dispatch(queue))
    }

    /// Whether this worker rescues for all.
    pub(super) fn rescues(&self) -> bool {
        self.lock().contains(RESCUE)
    }

    /// Renews until it is asked to stop, then lets go.
    pub(super) async fn keep(
        &self,
        db: Db,
        worker: WorkerId,
        queues: &[Queue],
        running: &RunningJobs,
        stop: CancellationToken,
    ) {
        let names: Vec<String> =
            queues.iter().map(|queue| dispatch(*queue)).chain(std::iter::once(RESCUE.to_owned())).collect();
        while !stop.is_cancelled() {
            // While the database is away there is nothing to dispatch or rescue.
            let mut pause = INTERVAL;
            if let Ok(look) = leases::hold(&db, worker, &names).await {
                if look.clock_stands_still {
                    // Whoever moved it is gone.
                    let _ = workers::tick(&db).await;
                } else if look.held.is_empty() && running.len() == 0 {
                    pause = AT_REST;
                }
                *self.lock() = look.held;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.lock().clear();
        if let Err(error) = leases::release(&db, worker).await {
            tracing::debug!(%error, "the leases run out by themselves");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the dispatcher's lease for a queue, as workers of older builds know it.
fn dispatch(queue: Queue) -> String {
    format!("feed:{}", queue.as_str())
}
