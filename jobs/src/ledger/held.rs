//! The jobs this incarnation knows it holds.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::ids::JobId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(super) struct Held {
    jobs: Mutex<HashMap<JobId, CancellationToken>>,
    emptied: Notify,
}

impl Held {
    pub(super) fn insert(&self, job: JobId, cancel: CancellationToken) {
        self.lock().insert(job, cancel);
    }

    pub(super) fn remove(&self, job: JobId) {
        let mut jobs = self.lock();
        jobs.remove(&job);
        if jobs.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    pub(super) fn contains(&self, job: JobId) -> bool {
        self.lock().contains_key(&job)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Asks every running job to stop.
    pub(super) fn cancel_all(&self) {
        for cancel in self.lock().values() {
            cancel.cancel();
        }
    }

    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            // The timeout covers a removal between the look and the wait.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(200), emptied).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, CancellationToken>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
