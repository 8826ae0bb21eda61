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

use crate::{Queue, ids::WorkerId, ledger::leases};

const INTERVAL: Duration = Duration::from_secs(1);
const SWEEP: &str = "sweep";

/// What this incarnation holds.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashSet<String>>);

impl Leases {
    pub(super) fn feeds(&self, queue: Queue) -> bool {
        self.lock().contains(&feed(queue))
    }

    pub(super) fn sweeps(&self) -> bool {
        self.lock().contains(SWEEP)
    }

    /// Renews until told to stop, then lets go.
    pub(super) async fn keep(&self, db: Db, worker: WorkerId, queues: &[Queue], stop: CancellationToken) {
        let names: Vec<String> =
            queues.iter().map(|queue| feed(*queue)).chain(std::iter::once(SWEEP.to_owned())).collect();
        while !stop.is_cancelled() {
            // While the database is away there is nothing to feed or sweep.
            if let Ok(held) = leases::hold(&db, worker, &names).await {
                *self.lock() = held;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(INTERVAL) => {}
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

fn feed(queue: Queue) -> String {
    format!("feed:{}", queue.as_str())
}
