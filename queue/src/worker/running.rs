//! The jobs that this worker knows it runs.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::ids::JobId;

#[derive(Default)]
pub(super) struct RunningJobs {
    jobs: Mutex<HashMap<JobId, Holding>>,
    emptied: Notify,
}

struct Holding {
    cancel: CancellationToken,
    /// Why somebody asked this job to stop.
    asked: Option<String>,
}

impl RunningJobs {
    pub(super) fn insert(&self, job: JobId, cancel: CancellationToken) {
        let mut jobs = self.lock();
        let asked = jobs.remove(&job).and_then(|before| before.asked);
        // Asked between the claim and the start: it stops before it begins.
        if asked.is_some() {
            cancel.cancel();
        }
        jobs.insert(job, Holding { cancel, asked });
    }

    /// Tells a job to stop, if it is here. Its run ends as cancelled, unless it completes first.
    pub(super) fn ask_to_stop(&self, job: JobId, reason: &str) {
        if let Some(holding) = self.lock().get_mut(&job)
            && holding.asked.is_none()
        {
            holding.asked = Some(reason.to_owned());
            holding.cancel.cancel();
        }
    }

    /// Why the job was told to stop, if somebody asked for it.
    pub(super) fn asked(&self, job: JobId) -> Option<String> {
        self.lock().get(&job).and_then(|holding| holding.asked.clone())
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
        for holding in self.lock().values() {
            holding.cancel.cancel();
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Holding>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
